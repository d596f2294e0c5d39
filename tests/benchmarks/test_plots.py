"""The plots of docs/explanation/performance are drawn from the published figures."""

from pathlib import Path

import pytest

from benchmarks import plots
from benchmarks.bars import Bar, svg


def test_the_committed_plots_match_the_figures() -> None:
    assert plots.main(["--check"]) == 0


def test_an_outdated_plot_is_named_and_drawn_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(plots, "PAGES", tmp_path)
    assert plots.main([]) == 0
    (tmp_path / "growth.svg").write_text("<svg/>")
    assert plots.main(["--check"]) == 1
    said = capsys.readouterr().err
    assert "growth.svg" in said
    assert "peers.svg" not in said


def test_bars_and_marks_of_a_section_share_a_scale() -> None:
    drawn = svg([("Group", [Bar("a", 10, "10/s", mark=20), Bar("b", 5, "5/s")]), ("None", [])])
    assert drawn.count('height="18"') == 2
    assert 'x="110" y="40" width="230.0"' in drawn
    assert 'x="110" y="64" width="115.0"' in drawn
    assert "M570.0 38" in drawn
    assert "None" not in drawn
