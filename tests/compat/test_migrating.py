"""The page about migrating to v1 has every operation of the earlier contracts."""

import json
import re
from pathlib import Path

import django
import pytest

from larder.compat.documents import TITLES
from larder.ops.management.commands.openapi import FOLDER
from tests.http.document import operations as of_v1

PAGE = (Path(__file__).resolve().parents[2] / "docs/how-to/migrating.md").read_text("utf-8")
TABLES = dict(re.findall(r"^### Contract (\d)\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL))


def rows(contract: str) -> list[tuple[str, str]]:
    """Yields the earlier operations and their replacements in v1."""
    found = re.findall(r"^\| (`.*?) \| (.*) \|$", TABLES[contract], re.MULTILINE)
    assert len(found) == TABLES[contract].count("\n| ")
    return found


def operations(contract: str) -> set[str]:
    said = json.loads((FOLDER / f"contract{contract}.json").read_text("utf-8"))
    return {f"{verb.upper()} {path}" for path, verbs in said["paths"].items() for verb in verbs}


@pytest.mark.parametrize("contract", TITLES)
def test_the_page_has_exactly_one_row_for_each_operation_of_a_contract(contract: str) -> None:
    named_paths = [one for earlier, _ in rows(contract) for one in re.findall("`(.*?)`", earlier)]
    assert sorted(named_paths) == sorted(operations(contract))


def test_the_replacements_on_the_page_exist_in_v1() -> None:
    known = {
        f"{one.method.upper()} {re.sub(r'{.*?}', '{}', one.path.removeprefix('/api/v1/'))}"
        for one in of_v1()
    }
    named_paths = set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) [a-z][\w/{}-]*)[^`]*`", PAGE))
    named = {re.sub(r"{.*?}", "{}", one) for one in named_paths}
    assert named
    assert named <= known


def test_the_page_names_the_django_of_contract_2_and_that_of_larder() -> None:
    line = re.findall(
        r"^- Contract 2 was built on Django 4\.x\. Larder runs on Django (\S+)", PAGE, re.MULTILINE
    )
    assert line == [django.__version__.rpartition(".")[0]]
