"""`make mutants`: its patches fit the code and name existing tests, and survivors are reported."""

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tools.errors import LauncherError
from tools.mutants import run
from tools.mutants.__main__ import report
from tools.mutants.patches import Patch, applied, load
from tools.mutants.run import ROOT, Run, Verdict

PATCHES = load()
TOY = Patch(
    area="toy",
    name="the sum is a difference",
    file="toy.py",
    old="a + b",
    new="a - b",
    test="test_toy.py::test_sum",
)


def test_each_patch_fits_one_place_of_its_file_and_changes_it() -> None:
    wrong = [
        one.name
        for one in PATCHES
        if (ROOT / one.file).read_text().count(one.old) != 1 or one.old == one.new
    ]
    assert not wrong


def test_a_patched_file_is_valid_python() -> None:
    for one in PATCHES:
        text = (ROOT / one.file).read_text().replace(one.old, one.new)
        assert compile(text, one.file, "exec", dont_inherit=True), one.name


def test_each_patch_names_a_test_that_exists() -> None:
    files = {one.test.partition("::")[0] for one in PATCHES}
    tests = {f"{file}::{name}" for file in files for name in functions(ROOT / file)}
    named = {one.test.partition("[")[0] for one in PATCHES}
    assert not sorted(named - tests)


def functions(file: Path) -> set[str]:
    """The tests of a file."""
    tree = ast.parse(file.read_text()) if file.exists() else ast.Module([], [])
    return {one.name for one in tree.body if isinstance(one, ast.FunctionDef)}


def test_no_two_patches_have_the_same_name() -> None:
    names = Counter(one.name for one in PATCHES)
    assert [name for name, times in names.items() if times > 1] == []


def test_a_patch_is_removed_also_if_its_test_fails(tmp_path: Path) -> None:
    toy = tmp_path / "toy.py"
    toy.write_text("a + b")
    before = toy.stat().st_mtime
    with pytest.raises(AssertionError), applied(TOY, tmp_path):
        assert toy.read_text() != "a - b"
    assert (toy.read_text(), toy.stat().st_mtime) == ("a + b", before)


def test_a_patch_whose_test_needs_a_server_runs_on_request(tmp_path: Path) -> None:
    entry = '[[mutant]]\nname = "{}"\nold = "a"\nnew = "b"\ntest = "t"\n'
    own = entry.format("quick") + entry.format("slow") + "system = true\n"
    (tmp_path / "toy.toml").write_text('file = "toy.py"\n' + own)
    assert [one.name for one in load(folder=tmp_path)] == ["quick", "slow"]
    assert [one.name for one in load(folder=tmp_path, system=False)] == ["quick"]


def test_a_patch_with_a_test_of_the_system_tier_is_marked() -> None:
    files = {one.test.partition("::")[0] for one in PATCHES}
    marked = {one for one in files if "pytestmark = pytest.mark.system" in (ROOT / one).read_text()}
    missing = [
        one.name
        for one in PATCHES
        if (one.test.startswith("tests/system/") or one.test.partition("::")[0] in marked)
        and not one.system
    ]
    assert not missing


@pytest.mark.system
def test_preloaded_modules_exist_and_are_not_those_of_larder() -> None:
    program = (
        "import sys; from importlib.util import find_spec; from tools.mutants import preloaded;"
        "from tools.mutants.pytests import OURS; from django.conf import settings;"
        "print([one for one in preloaded.MODULES if find_spec(one) is None], settings.configured,"
        " {one.partition('.')[0] for one in sys.modules} & OURS)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[] False {'tools'}\n"


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree with one function and its tests, and no database."""
    monkeypatch.delenv("LARDER_TEST_OWNER_URL")
    (tmp_path / "toy.py").write_text(
        "def add(a: int, b: int) -> int:\n"
        '    """The sum is a positive number."""\n'
        "    return a + b\n"
    )
    (tmp_path / "test_toy.py").write_text(
        "from toy import add\n\n\n"
        "def test_sum() -> None:\n"
        "    assert add(2, 2) == 4\n\n\n"
        "def test_wrong() -> None:\n"
        "    assert add(2, 2) == 5\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\naddopts = -p no:django\n")
    return tmp_path


@pytest.mark.system
def test_killed_mutants_are_counted_and_surviving_and_broken_ones_named(
    toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    survivor = "the documentation is wrong"
    broken = "the module cannot be imported"
    patches = [
        TOY,
        changed(name=survivor, old="positive", new="negative"),
        changed(name=broken, old="return a + b", new="return )"),
    ]
    results = Run(root=toy, jobs=2).play(patches)
    assert [one.verdict for one in results] == [Verdict.KILLED, Verdict.SURVIVED, Verdict.BROKEN]
    assert report(results) == 1
    *named, summary = capsys.readouterr().out.splitlines()
    assert sorted(named) == [
        f"did not reach its test: toy: {broken} ({TOY.test})",
        f"survived: toy: {survivor} ({TOY.test})",
    ]
    assert summary == "mutants: 1 of 3 killed (33.3%)"
    assert report(results[:1]) == 0


@pytest.mark.system
def test_a_test_that_fails_without_a_mutant_is_an_error(toy: Path) -> None:
    with pytest.raises(LauncherError, match=r"fail without a mutant\.$"):
        Run(root=toy, jobs=1).play([changed(test="test_toy.py::test_wrong")])


@pytest.mark.system
def test_a_test_timeout_does_not_count_as_a_kill(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "LONGEST", 3.0)
    slow = changed(old="return a", new='__import__("time").sleep(60)\n    return a')
    (result,) = Run(root=toy, jobs=1).play([slow])
    assert result.verdict is Verdict.TIMED_OUT


def changed(**fields: str) -> Patch:
    """The toy's patch with other fields."""
    return Patch(**{name: getattr(TOY, name) for name in Patch.__slots__} | fields)
