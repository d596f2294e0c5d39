"""Comparing two commits: finding and exporting them, and comparing their figures."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.compare import commits, course, table
from benchmarks.compare.__main__ import failures
from benchmarks.compare.commits import Commit, check_out, find
from benchmarks.compare.course import Pair, Spread, costs, rates, spread
from benchmarks.installation import HERE, Checkout
from benchmarks.measurement import Cpu, Measurement
from tools.errors import LauncherError

GOOD = {
    "benchmarks/shop.py": "shop",
    "benchmarks/sql/order.sql": "SELECT 1",
    "tools/run/supervisor.py": "supervisor",
    "requirements/run.txt": "django==5.2\n",
}


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two commits, `old` and the present one; it represents Larder's."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    folder = tmp_path / "repository"
    git(tmp_path, "init", "--quiet", str(folder))
    for path, text in (GOOD | {"larder.py": "old"}).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "As it was")
    git(folder, "tag", "old")
    (folder / "larder.py").write_text("new")
    git(folder, "commit", "--quiet", "-a", "-m", "As it is")
    monkeypatch.setattr(commits, "HERE", Checkout(folder, sys.executable))
    return folder


def test_a_commit_is_found_by_any_name_that_git_knows(repository: Path) -> None:
    assert find("old").subject == "As it was"
    assert find("HEAD~1") == Commit(
        "HEAD~1", git(repository, "rev-parse", "old").strip(), "As it was"
    )


@pytest.mark.parametrize("name", ["nonsense", "--all", ""])
def test_an_unknown_commit_is_an_error(repository: Path, name: str) -> None:
    with pytest.raises(LauncherError):
        find(name)


def test_a_commit_is_exported_and_the_repository_is_not_changed(
    repository: Path, tmp_path: Path
) -> None:
    (repository / "larder.py").write_text("half done")
    before = git(repository, "status", "--porcelain"), git(repository, "worktree", "list")
    checkout = check_out(find("old"), tmp_path / "A")
    assert (checkout.folder / "larder.py").read_text() == "old"
    assert checkout.python == sys.executable
    after = git(repository, "status", "--porcelain"), git(repository, "worktree", "list")
    assert after == before


def test_a_dot_means_the_current_files(repository: Path, tmp_path: Path) -> None:
    assert check_out(find("."), tmp_path / "A").folder == repository


def test_a_commit_without_the_benchmark_files_is_refused(repository: Path, tmp_path: Path) -> None:
    (repository / "benchmarks/shop.py").unlink()
    git(repository, "commit", "--quiet", "-a", "-m", "No shop")
    with pytest.raises(LauncherError, match=r"no benchmarks/shop\.py"):
        check_out(find("HEAD"), tmp_path / "A")


def test_a_commit_with_other_requirements_gets_a_separate_environment(
    repository: Path, tmp_path: Path
) -> None:
    """Made by the commit's own bootstrap, whose failure is reported."""
    (repository / "requirements/run.txt").write_text("django==6.0\n")
    (repository / "tools/bootstrap.sh").write_text('mkdir -p "$VENV/bin"; touch "$VENV/$1"')
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "Needs more")
    (repository / "requirements/run.txt").write_text("django==5.2\n")
    with pytest.raises(LauncherError, match="cannot be installed"):
        check_out(find("HEAD"), tmp_path / "A")
    (repository / "tools/bootstrap.sh").write_text('mkdir -p "$VENV/bin"')
    git(repository, "commit", "--quiet", "-m", "Installs", "tools/bootstrap.sh")
    checkout = check_out(find("HEAD"), tmp_path / "B")
    assert checkout.python == str(tmp_path / "B" / "venv" / "bin" / "python")


def taken(rate: int, *, cpu: float = 0.001, failure: str = "") -> Measurement:
    """A second. `cpu` in seconds a request, half of it PostgreSQL's."""
    half = cpu * rate / 2
    return Measurement(1.0, [0.01] * rate, Cpu(half, half, 9.0, 9.0), rate, failure=failure)


def pairs(*of: tuple[int, int]) -> list[Pair]:
    return [Pair(taken(a), taken(b)) for a, b in of]


def test_a_ratio_compares_consecutive_measurements() -> None:
    found = rates(pairs((100, 110), (50, 60), (10, 20)))
    assert found == Spread(1.2, 1.1, 2.0)


def test_the_cost_of_a_request_is_cpu_time_of_application_and_postgresql() -> None:
    assert costs([Pair(taken(10, cpu=0.002), taken(99, cpu=0.001))]).middle == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("ratios", "tells"),
    [([1.1, 1.2], True), ([0.8, 0.9], True), ([0.9, 1.2], False), ([1.0, 1.2], False)],
)
def test_a_difference_is_significant_if_all_pairs_agree(
    ratios: list[float], *, tells: bool
) -> None:
    assert spread(ratios).tells is tells


def test_the_table_names_both_commits_and_marks_significant_differences() -> None:
    a, b = Commit("HEAD~1", "a" * 40, "Slow"), Commit(".", "", "the files as they are now")
    page = table.page(a, b, {"R": pairs((100, 150), (100, 200)), "W": pairs((10, 9), (10, 12))})
    assert "- A: HEAD~1 (aaaaaaaaaa Slow)" in page
    assert "- B: the files as they are now" in page
    assert "| R | 100 | 175 | **1.75**, 1.50–2.00 | 10.0 | 10.0 | 500 + 500 | 500 + 500 |" in page
    assert "| W | 10 | 10 | 1.05, 0.90–1.20 |" in page


def test_a_wrong_answer_is_reported_with_its_commit() -> None:
    wrong = Pair(taken(1), taken(1, failure="HTTP/1.1 500"))
    assert failures({"W": [wrong]}) == ["W of B got a wrong answer in 1 of 1: HTTP/1.1 500"]


def test_the_commits_are_measured_alternately_in_a_balanced_order() -> None:
    given = {"A": iter([taken(1), taken(4)]), "B": iter([taken(2), taken(3)])}
    asked = course.turn(next, given)
    assert [letter for letter, _ in asked] == ["A", "B", "B", "A"]
    assert [(one.a.rate, one.b.rate) for one in course.pairs_of(asked)] == [(1, 2), (4, 3)]


def test_the_current_code_can_be_measured() -> None:
    assert all((HERE.folder / path).exists() for path in commits.NEEDED)
