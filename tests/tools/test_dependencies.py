"""tools/dependencies.py reports faults of locked packages."""

from __future__ import annotations

import json
from email.message import Message
from pathlib import Path

import pytest

from tools import dependencies

LOCKED = """django==5.2.1 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
Typing_Extensions==4.1 ; python_version < '3.13' \\
    --hash=sha256:cc
bare==1.0
"""


def test_versions_and_hashes_are_read() -> None:
    expected = {"django": ("5.2.1", 2), "typing-extensions": ("4.1", 1), "bare": ("1.0", 0)}
    assert dependencies.pins(LOCKED) == expected


def test_packages_without_a_hash_or_with_two_versions_are_reported() -> None:
    small = {"a": ("1", 1), "b": ("1", 0)}
    large = {"a": ("2", 1), "b": ("1", 1)}
    assert dependencies.differing({"prod": small, "run": {}, "dev": large}) == [
        "requirements/prod.txt: b has no hash",
        "a: 1 in prod.txt, and not so in dev.txt",
    ]


def test_an_unknown_licence_is_reported() -> None:
    assert dependencies.unlicensed({"psycopg": ("3", 1), "django": ("5", 1)}) == []
    answers = Message()
    answers["License-Expression"] = "SSPL-1.0"
    licence = dependencies.licence_of(answers)  # type: ignore[arg-type]
    assert not dependencies.PERMISSIVE.search(licence)


def test_the_locked_packages_are_correct() -> None:
    files = {
        name: dependencies.pins(
            (dependencies.CHECKOUT / "requirements" / f"{name}.txt").read_text()
        )
        for name in dependencies.FILES
    }
    assert len(files["prod"]) > 30
    assert dependencies.differing(files) == []
    assert dependencies.unused() == []


@pytest.mark.system
def test_the_bill_of_materials_lists_what_is_locked_for_production(tmp_path: Path) -> None:
    file = tmp_path / "sbom.json"
    assert dependencies.write_sbom(file) == 0
    listed = json.loads(file.read_text())["components"]
    locked = (dependencies.CHECKOUT / "requirements" / "prod.txt").read_text()
    assert {one["name"].lower() for one in listed} == set(dependencies.pins(locked))
    assert all(one["purl"].startswith("pkg:pypi/") for one in listed)
