"""The released OpenAPI documents are neither broken nor edited."""

import re
import shutil
import tomllib
from pathlib import Path

import pytest

from tools.openapi import (
    FOLDER,
    ROOT,
    SUMS,
    main,
    releases,
)


def test_no_released_document_is_broken_or_edited() -> None:
    assert main() == 0


def test_each_release_of_the_changelog_keeps_its_documents() -> None:
    sections = re.findall(
        r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$",
        (ROOT / "CHANGELOG.md").read_text(),
        re.MULTILINE,
    )
    assert [one.name for one in releases()] == sections[::-1] != []
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert numbers(version) >= numbers(sections[0])
    names = {"v1.json", *(f"contract{number}.json" for number in range(5)), SUMS}
    assert {one.name for one in releases()[0].iterdir()} == names


def numbers(version: str) -> list[int]:
    return [int(one) for one in version.split(".")]


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A copy of docs/openapi, whose documents are those of the last release."""
    copied = shutil.copytree(FOLDER, tmp_path / "openapi")
    for document in releases(copied)[-1].glob("*.json"):
        shutil.copy(document, copied)
    return copied


NEXT, PATCH = "0.2.0", "0.1.1"
