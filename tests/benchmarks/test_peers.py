"""The compared systems: installation, measurements and limits."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import peers
from benchmarks.measurement import Cpu, Measurement
from benchmarks.peers import registry, table
from benchmarks.peers.__main__ import PAGE, PEERS, installed
from benchmarks.peers.buying import Rush
from benchmarks.peers.catalogue import FEW, PLENTY, choose, read
from benchmarks.peers.course import Found
from benchmarks.peers.oscar.system import Oscar
from benchmarks.processes import proportional
from tools.errors import LauncherError
from tools.kept import Kept

HERE = Path(peers.__file__).parent


def rates(rate: float) -> list[Measurement]:
    """Three rounds at about that rate."""
    return [
        Measurement(10.0, [0.01] * round(rate * 10 * factor), Cpu(0, 0, 0, 0), sent=1, orders=1)
        for factor in (0.9, 1.0, 1.1)
    ]


def found(
    name: str, pages: float, orders: float, sold: int = FEW, many: float | None = None
) -> Found:
    """One that places as many from all numbers of clients, where nothing else is said."""
    return Found(
        name=name,
        versions="1",
        services=["server"],
        page_requests=1,
        memory=100 << 20,
        pages=rates(pages),
        orders={8: rates(orders), 32: rates(orders), 64: rates(orders if many is None else many)},
        rushes=[Rush(FEW, sold, 60 - sold, [], FEW - sold)] * 3,
        twice="refused",
    )


OURS = found("Larder", 6000, 2000)
OTHERS = [found("django-oscar", 200, 20, 60), found("Vendure", 600, 7)]


def test_the_catalogue_has_the_first_products_of_the_demo() -> None:
    chosen = choose(plenty=5, scarce=2, buyers=3)
    assert [one.stock for one in chosen.products] == [PLENTY] * 5 + [FEW] * 2
    assert chosen.products[0].name == "INFLATABLE POLITICAL GLOBE"
    assert len(set(chosen.plenty + chosen.scarce)) == 7
    assert len(set(chosen.buyers)) == 3
    with pytest.raises(ValueError, match="has"):
        choose(plenty=1_000_000, scarce=1, buyers=1)


def test_a_catalogue_is_the_same_after_writing_and_reading(tmp_path: Path) -> None:
    chosen = choose(plenty=2, scarce=1, buyers=1)
    assert read(chosen.write(tmp_path / "catalogue.json")) == chosen


def test_every_bar_is_judged_by_the_medians_ratio() -> None:
    judged = table.judge([OURS, *OTHERS])
    values = {(one.bar.load, str(one.bar)): one.value for one in judged}
    assert values["W64", "django-oscar's"] == pytest.approx(100)
    assert values["W32", "Vendure's best"] == pytest.approx(2000 / 7)
    assert values["R", "Vendure's"] == pytest.approx(10)
    assert all(one.met for one in judged)
    assert table.passed([OURS, *OTHERS], judged)


def test_larder_is_compared_with_the_best_result_of_a_peer() -> None:
    at_best = found("Vendure", 600, 7, many=11)
    beaten, *_ = (one for one in table.judge([OURS, at_best]) if one.bar.at_best)
    assert beaten.value == pytest.approx(2000 / 11)
    assert str(beaten) == "W32: 181.8 times Vendure's best; bar 200: MISSED"


@pytest.mark.parametrize(
    ("pages", "orders", "many"), [(5000, 2000, 2000), (6000, 1900, 2000), (6000, 2000, 1900)]
)
def test_a_missed_limit_is_reported_and_fails(pages: float, orders: float, many: float) -> None:
    all_of_them = [found("Larder", pages, orders, many=many), *OTHERS]
    judged = table.judge(all_of_them)
    assert any("MISSED" in str(one) for one in judged)
    assert not table.passed(all_of_them, judged)


def test_a_run_with_oversold_or_lost_units_fails() -> None:
    assert table.passed([OURS], [])
    assert not table.passed([found("Larder", 6000, 2000, sold=21)], [])
    losing = found("Larder", 6000, 2000)
    losing.missing = 1
    assert not table.passed([losing], [])


def test_a_load_with_a_wrong_answer_is_not_counted() -> None:
    wrong = found("Vendure", 600, 7)
    wrong.orders[8].append(Measurement(1.0, [], Cpu(0, 0, 0, 0), sent=0, failure="500"))
    assert not table.passed([OURS, wrong], [])
    assert "Vendure, W8: 500" in table.closing([OURS, wrong], [], [])


def test_a_peer_without_a_measurement_has_no_limit() -> None:
    assert {one.bar.peer for one in table.judge([OURS, OTHERS[0]])} == {"django-oscar"}
    assert table.judge([OURS]) == []


def test_the_table_marks_oversold_units() -> None:
    heading, _, ours, oscar = table.markdown([OURS, OTHERS[0]]).splitlines()[:4]
    assert heading.count("|") == ours.count("|")
    assert "| 20, 20, 20 |" in ours
    assert "| **60**, **60**, **60** |" in oscar


def test_a_peer_that_cannot_be_installed_is_skipped_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Absent(Oscar):
        name = "Absent"

        def install(self, cache: Path) -> None:
            raise LauncherError("npm is not installed here.")

    class Present(Oscar):
        def install(self, cache: Path) -> None:
            """It is there."""

    present = Present()
    monkeypatch.setitem(PEERS, "absent", Absent())
    monkeypatch.setitem(PEERS, "present", present)
    left_out: list[str] = []
    assert installed(["absent", "present"], tmp_path, left_out) == [present]
    line = "Absent is left out, it cannot be installed: npm is not installed here."
    assert left_out == [line]
    assert capsys.readouterr().err == f"{line}\n"


def test_a_peer_is_installed_once_for_the_same_versions(tmp_path: Path) -> None:
    pins, folder = tmp_path / "pins.txt", tmp_path / "cache" / "peer"
    append = [sys.executable, "-c", "print('x', file=open('../ran', 'a'))"]
    for text in ("a==1", "a==1", "a==2"):
        pins.write_text(text)
        registry.install(folder, pins, [append])
    assert (tmp_path / "cache" / "ran").read_text() == "x\nx\n"
    assert (folder / "pins.txt").read_text() == "a==2"


def test_a_failed_installation_is_reported_and_retried(tmp_path: Path) -> None:
    pins, folder = tmp_path / "pins.txt", tmp_path / "peer"
    pins.write_text("a==1")
    fail = [sys.executable, "-c", "raise SystemExit('ERROR: no such version')"]
    for _ in range(2):
        with pytest.raises(LauncherError, match="ended with 1: ERROR: no such version"):
            registry.install(folder, pins, [fail])
    with pytest.raises(LauncherError, match="nowhere"):
        registry.install(folder, pins, [["nowhere"]])


@pytest.mark.parametrize("name", ["oscar/requirements.txt", "vendure/package.json"])
def test_versions_are_pinned_and_no_registry_is_named(name: str) -> None:
    text = (HERE / name).read_text()
    assert "http" not in text
    assert not re.search(r"[\^~]\d|>=|\*", text)


def test_memory_is_measured_for_the_processes_below_the_keeper() -> None:
    hold = "import time; held = bytearray(64 << 20); print(1, flush=True); time.sleep(60)"
    with Kept([sys.executable, "-c", hold], output=subprocess.PIPE) as kept:
        stream = kept._keeper.stdout
        assert stream is not None
        with stream:
            stream.readline()
            assert 64 << 20 < proportional(kept.pid) < 110 << 20
    assert proportional(kept.pid) == 0


def test_only_the_table_of_a_section_is_replaced() -> None:
    before, after = (
        "# A\n\n| x |\n\n## Results\n\nSo:\n\n",
        "\n\nEnd.\n\n## More\n\n| y |\n",
    )
    text = f"{before}| old |\n| --- |{after}"
    new = table.lines([OURS, *OTHERS])
    replaced = table.with_table(text, table.PAGE_SECTION, new)
    assert replaced == before + "\n".join(new) + after
    with pytest.raises(ValueError, match="no table"):
        table.with_table("# A\n\n| x |\n", table.PAGE_SECTION, new)


def test_the_page_has_a_table_of_the_systems_to_replace() -> None:
    page = PAGE.read_text()
    assert systems(page) == [table.OURS, *(one.name for one in OTHERS)]
    assert systems(table.with_table(page, table.PAGE_SECTION, table.lines([OURS]))) == [table.OURS]


def systems(page: str) -> list[str]:
    """The first cells of the table of the section that is replaced."""
    text = page.partition(table.PAGE_SECTION)[2].partition("\n#")[0]
    return re.findall(r"^\| (\w[\w-]*) \|", text, re.MULTILINE)
