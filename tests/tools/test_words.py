"""`make words`: replaced words are reported with their line, and the exceptions are not."""

import pytest

from tools.words import (
    GLOSSARY,
    ROOT,
    ROOTS,
    files,
    findings,
    found_names,
    main,
    replaced,
    unused_names,
)

VOCABULARY = tuple(replaced((ROOT / GLOSSARY).read_text()))


def found(text: str, name: str = "docs/page.md") -> list[str]:
    return [str(one) for one in findings(name, text, VOCABULARY)]


def test_a_replaced_word_is_reported_with_line_and_replacement() -> None:
    said = found("# Page\n\nThe server waits.\nWhoever writes reads it.\n")
    assert said == [
        "docs/page.md:4: Whoever -> client, customer, caller, staff, process, thread, transaction"
    ]


def test_a_phrase_is_found_across_the_lines_of_a_paragraph_and_of_a_comment() -> None:
    assert found("It waits in\nvain.\n") == ["docs/page.md:1: in vain -> without success"]
    comment = "    # It waits in\n    # vain.\n"
    assert found(comment, "larder/page.py") == ["larder/page.py:1: in vain -> without success"]


@pytest.mark.parametrize("text", ["a doorway", "retold", "TELLING_OFF = 1", "Same", "as the same"])
def test_a_part_of_a_word_and_another_case_of_a_name_are_not_found(text: str) -> None:
    assert found(text) == []


def test_a_name_in_code_font_is_found_only_in_its_case() -> None:
    assert found("from here import SAME", "larder/page.py") == [
        "larder/page.py:1: SAME -> CACHE_KEY_HEADERS"
    ]


def test_a_name_of_code_with_an_unused_word_is_reported_and_a_text_is_not() -> None:
    unused = unused_names((ROOT / GLOSSARY).read_text())
    text = "# As said, asked.\n_asked_at = 'said'\nresaid = 1\n"
    assert [str(one) for one in found_names("larder/page.py", text, unused)] == [
        f"larder/page.py:2: _asked_at -> {unused['asked']}",
    ]
    assert found_names("tests/page.py", text, unused) == []


def test_the_name_of_a_test_is_read_as_a_sentence() -> None:
    text = "def test_a_client_is_told() -> None:\n    is_told = 1\n"
    assert found(text, "tests/test_page.py") == [
        "tests/test_page.py:1: told -> reports, answers, informs"
    ]


def test_the_name_of_a_test_begins_with_its_subject() -> None:
    text = "def test_who_waits_is_served() -> None:\n    it = 1\n\n\ndef test_italics() -> None:\n"
    assert found(text, "tests/test_page.py") == [
        "tests/test_page.py:1: who -> the subject of the promise"
    ]


def test_released_sections_of_the_changelog_are_not_checked() -> None:
    text = "# Changes\n\n## [Unreleased]\n- told\n\n## [0.1.0] - 2026-11-24\n- told\n"
    assert found(text, "CHANGELOG.md") == ["CHANGELOG.md:4: told -> reports, answers, informs"]


def test_the_former_title_of_a_replaced_decision_is_not_checked() -> None:
    replaced_by = "# 26. Threads interrupt nobody\n\nStatus: replaced by [ADR 36](0036.md).\n"
    assert found(replaced_by, "docs/adr/0026-interrupting-nobody.md") == []
    accepted = "# 26. Threads interrupt nobody\n\nStatus: accepted\n"
    assert len(found(accepted, "docs/adr/0026-interrupting-nobody.md")) == 1


def test_blocks_of_code_are_not_checked() -> None:
    assert found("1. Add:\n\n   ```python\n   told = 1\n   ```\n") == []
    assert len(found("1. Add:\n\n   ```python\n   x = 1\n   ```\n\nIt is told.\n")) == 1


def test_the_glossary_is_checked_except_its_last_table() -> None:
    table = "## Words that are not used\n| told | reports |\n"
    name = GLOSSARY.as_posix()
    assert found(table, name) == []
    assert len(found(f"It was told.\n{table}", name)) == 1


def test_every_root_exists_and_has_none_of_the_words() -> None:
    assert all(list(files(ROOT, [root])) for root in ROOTS)
    assert main([]) == 0
