"""Diagrams match the code, and each has its picture: otherwise run `make docs/pictures`."""

from pathlib import Path

import pytest

from tools.docs import diagrams, models
from tools.docs.pages import DOCS, children, for_site, pages, picture_of


def test_generated_diagrams_match_the_code() -> None:
    stale = [
        page.name for page in pages() if diagrams.regenerated(page.read_text()) != page.read_text()
    ]
    assert stale == []


def test_a_diagram_that_differs_from_the_code_is_reported() -> None:
    block = f"```mermaid\n%% generated: lifecycle\n{models.lifecycle()}\n```\n"
    assert diagrams.regenerated(block) == block
    stale = block.replace("    packed --> shipped : ship\n", "")
    assert stale != block
    assert diagrams.regenerated(stale) == block


@pytest.mark.system
def test_every_diagram_has_exactly_one_picture() -> None:
    """Not in `make test`: a picture needs Chromium and npm, which not every machine has."""
    kept = {file.name for file in diagrams.PICTURES.iterdir()}
    assert kept == {picture_of(text) for text in diagrams.diagrams()}


def test_without_npm_the_diagrams_are_written_and_their_pictures_left_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("```mermaid\n%% generated: lifecycle\nstale\n```\n")
    monkeypatch.setattr(diagrams, "pages", lambda: [page])
    monkeypatch.setattr(diagrams, "PICTURES", tmp_path / "pictures")
    monkeypatch.setattr("sys.argv", ["diagrams"])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert diagrams.main() == 0
    assert "diagrams are written and not rendered: " in capsys.readouterr().out
    assert list(diagrams.PICTURES.iterdir()) == []
    assert models.lifecycle() in page.read_text()


def test_every_generated_diagram_is_on_a_page() -> None:
    text = "\n".join(diagrams.diagrams())
    assert [name for name in models.DIAGRAMS if f"%% generated: {name}\n" not in text] == []


@pytest.mark.parametrize("picture", sorted(diagrams.PICTURES.iterdir()), ids=lambda one: one.name)
def test_pictures_load_no_resources(picture: Path) -> None:
    text = picture.read_text()
    assert "<script" not in text
    assert "<foreignObject" not in text
    assert 'href="http' not in text


def test_the_site_shows_pictures_in_place_of_diagrams(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    diagram = "flowchart TD\n    accTitle: Two steps\n    a --> b\n"
    made = for_site(f"# A\n\n```mermaid\n{diagram}```\n\nEnd.\n", page)
    assert made == f"# A\n\n![Two steps](/pictures/diagrams/{picture_of(diagram)})\n\nEnd.\n"


def test_links_out_of_the_site_become_names_of_files() -> None:
    page = DOCS / "how-to" / "one.md"
    text = "[the README](../../README.md), [`larder/`](../../larder), [a page](../index.md#x)"
    assert for_site(text, page) == "the README (`README.md`), `larder`, [a page](../index.md#x)"
    assert for_site("`[a](../../b)` and\n```sh\n[a](../../b)\n```\n", page).count("](") == 2


def test_an_index_lists_the_pages_that_it_links_to(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("index.md", "a.md", "deep/index.md", "deep/b.md"):
        (tmp_path / name).write_text("")
    text = "[A](a.md#x), [again](a.md), [B](deep/b.md), [more](deep/index.md), [out](https://e.com)"
    assert children(text, tmp_path / "index.md") == ["a.md", "deep/index.md"]
