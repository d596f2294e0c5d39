"""`manage.py openapi`: writes the OpenAPI documents of v1 and of the earlier contracts."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from larder.compat import documents
from larder.v1.documents import schema

FOLDER = Path(settings.BASE_DIR) / "docs" / "openapi"
LEVELS = 3
"""A line for each operation and component, so that a difference names what changed."""


class Command(BaseCommand):
    """Writes the documents to docs/openapi, or checks whether they are current."""

    help = "Write the OpenAPI documents to docs/openapi; --check: name those that are out of date."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; status 1 if stale")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        keep({f"{name}.json": _text(made) for name, made in _documents().items()}, check=check)


def keep(texts: dict[str, str], *, check: bool) -> None:
    """Writes to FOLDER the documents that differ, or, with `check`, raises CommandError."""
    stale = {FOLDER / name: text for name, text in texts.items() if not _holds(FOLDER / name, text)}
    if check and stale:
        names = ", ".join(path.name for path in stale)
        raise CommandError(f"Out of date: {names}. Run `make openapi`.")
    for path, text in stale.items():
        path.write_text(text, encoding="utf-8")


def _documents() -> dict[str, dict[str, Any]]:
    """All documents by file name."""
    contracts = {f"contract{name}": documents.document(name) for name in documents.TITLES}
    return {"v1": schema()} | contracts


def _text(document: dict[str, Any]) -> str:
    return _lines(document, LEVELS) + "\n"


def _lines(value: Any, levels: int) -> str:
    """Returns compact JSON, with a line for each member of the outer objects."""
    if not levels or not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    members = (f"{json.dumps(name)}:{_lines(part, levels - 1)}" for name, part in value.items())
    return "{\n" + ",\n".join(members) + "\n}"


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text
