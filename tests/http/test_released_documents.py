"""The released OpenAPI documents are neither broken nor edited."""

import copy
import json
import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.http.document import Change, Document, field_of, schema_of
from tools.openapi import (
    FOLDER,
    ROOT,
    SUMS,
    altered,
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


def edit(file: Path, change: Change) -> None:
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


NEXT, PATCH = "0.2.0", "0.1.1"


def test_documents_are_compared_with_the_latest_release(documents: Path, capsys: Any) -> None:
    for version in ("0.9.0", "0.10.0"):
        shutil.copytree(documents / "released" / "0.1.0", documents / "released" / version)
    assert [one.name for one in releases(documents)] == ["0.1.0", "0.9.0", "0.10.0"]
    edit(documents / "v1.json", lambda d: d["paths"].clear())
    assert main(documents) == 1
    assert "This breaks release 0.10.0" in capsys.readouterr().err


def _answer(document: Document, path: str, method: str, status: str) -> Document:
    found: Document = document["paths"][path][method]["responses"][status]
    return found


REFUSED: dict[str, tuple[str, Change, str]] = {
    "a path": (
        "v1",
        lambda d: d["paths"].pop("/api/v1/orders/abandon"),
        "v1.json: POST /api/v1/orders/abandon: removed",
    ),
    "a field of an answer": (
        "v1",
        lambda d: schema_of(d, "Order")["properties"].pop("reference"),
        "v1.json: POST /api/v1/orders, 201.reference: removed",
    ),
    "a field of a page": (
        "v1",
        lambda d: schema_of(d, "Product")["properties"].pop("unit"),
        "v1.json: GET /api/v1/products/changes, 200.results[].unit: removed",
    ),
    "a field that has to be sent": (
        "v1",
        lambda d: schema_of(d, "NewOrder").update(
            required=["lines", "shop"],
            properties=schema_of(d, "NewOrder")["properties"] | {"shop": {"type": "string"}},
        ),
        "v1.json: POST /api/v1/orders, body.shop: required now",
    ),
    "another type": (
        "v1",
        lambda d: field_of(d, "total", "Order").update(type="number"),
        "v1.json: POST /api/v1/orders, 201.total: number is new",
    ),
    "an error code": (
        "v1",
        lambda d: _answer(d, "/api/v1/orders/{order}/pack", "post", "409")["content"][
            "application/problem+json"
        ]["examples"].pop("conflicting_repeat"),
        "v1.json: POST /api/v1/orders/{order}/pack, 409: code conflicting_repeat removed",
    ),
    "a status": (
        "v1",
        lambda d: d["paths"]["/api/v1/stock/adjustments"]["post"]["responses"].pop("409"),
        "v1.json: POST /api/v1/stock/adjustments, 409: removed",
    ),
    "a value that can be sent": (
        "v1",
        lambda d: next(
            one
            for one in d["paths"]["/api/v1/products"]["get"]["parameters"]
            if one["name"] == "ordering"
        )["schema"]["enum"].remove("-price"),
        "v1.json: GET /api/v1/products, parameter ordering: fewer values are allowed",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_released_document_is_not_broken(documents: Path, what: str, capsys: Any) -> None:
    name, change, fault = REFUSED[what]
    edit(documents / f"{name}.json", change)
    for version in ("0.1.0", PATCH):
        assert main(documents, version) == 1
        assert fault in capsys.readouterr().err
    assert main(documents, NEXT) == 0
    output = capsys.readouterr().err
    assert fault in output
    assert output.endswith("This breaks release 0.1.0: version 0.2.0 may.\n")


def test_a_break_after_1_0_0_needs_a_major_version(documents: Path) -> None:
    (documents / "released" / "0.1.0").rename(documents / "released" / "1.4.2")
    edit(documents / "v1.json", lambda d: d["paths"].clear())
    assert [main(documents, version) for version in ("1.4.3", "1.5.0", "2.0.0")] == [1, 1, 0]


def test_additions_to_a_release_are_accepted(documents: Path) -> None:
    def grow(document: Document) -> None:
        document["paths"]["/api/v1/news"] = copy.deepcopy(document["paths"]["/api/v1/me"])
        field_of(document, "note", "Order").setdefault("description", "new")
        schema_of(document, "Order")["properties"]["shop"] = {"type": "string"}
        schema_of(document, "NewOrder")["properties"]["shop"] = {"type": "string"}
        answers = document["paths"]["/api/v1/orders"]["post"]["responses"]
        answers["402"] = answers["403"]
        answers["409"]["content"]["application/problem+json"]["examples"]["new_code"] = {}

    edit(documents / "v1.json", grow)
    assert main(documents) == 0


EDITS: dict[str, Callable[[Path], Any]] = {
    "edited": lambda release: edit(release / "contract2.json", lambda d: d["paths"].clear()),
    "removed": lambda release: (release / "contract2.json").unlink(),
    "added": lambda release: (release / "contract5.json").write_text('{"paths": {}}'),
    "without its sums": lambda release: (release / SUMS).unlink(),
}


@pytest.mark.parametrize("how", EDITS)
def test_an_edited_released_document_is_reported(documents: Path, how: str, capsys: Any) -> None:
    assert list(altered(documents)) == []
    EDITS[how](documents / "released" / "0.1.0")
    assert main(documents, NEXT) == 1
    assert re.search(
        r"^released/0\.1\.0/contract\d\.json: (not as it was released|removed)$",
        capsys.readouterr().err,
        re.MULTILINE,
    )
