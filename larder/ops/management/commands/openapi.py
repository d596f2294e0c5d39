"""`manage.py openapi`: writes the OpenAPI document of v1."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from larder.v1.documents import DOCS
from larder.v1.openapi import document

FILE = DOCS / "openapi" / "v1.json"
LEVELS = 3
"""A line for each operation and component, so that a difference names what changed."""


class Command(BaseCommand):
    """Writes the document to docs/openapi, or checks whether it is current."""

    help = "Write the OpenAPI document to docs/openapi; --check: status 1 if it is out of date."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; status 1 if stale")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        text = _lines(document(), LEVELS) + "\n"
        if not check:
            FILE.write_text(text, encoding="utf-8")
        elif text != FILE.read_text(encoding="utf-8"):
            raise CommandError(f"Out of date: {FILE.name}. Run `make openapi`.")


def _lines(value: Any, levels: int) -> str:
    """Returns compact JSON, with a line for each member of the outer objects."""
    if not levels or not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    members = (f"{json.dumps(name)}:{_lines(part, levels - 1)}" for name, part in value.items())
    return "{\n" + ",\n".join(members) + "\n}"
