"""python -m tools.reference [--check]: writes the pages of settings and commands.

docs/reference/settings.md is made from .env.example, docs/reference/commands.md from the Makefile.
With --check nothing is written, and
the status is 1 if a page of docs/reference is out of date.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.terminal import complain, say

CHECKOUT = Path(__file__).resolve().parents[1]
FOLDER = CHECKOUT / "docs" / "reference"

SETTINGS = """# Settings

Larder reads settings from the environment, or from a file `.env` in its folder. `make run` needs none of them: it makes its own database and turns on demo mode. Each can also be given as `NAME_FILE`, the path of a file that holds the value. A server outside demo mode does not start without those that are required.

This page is made from [.env.example](../../.env.example) by `make docs/reference`. The [deployment checklist](../how-to/deployment-checklist.md) has the values that are refused.
"""  # noqa: E501
COMMANDS = """# Commands

`make help` prints this list. Values such as `PORT=8123` follow the target: `make run PORT=8123`.

This page is made from the [Makefile](../../Makefile) by `make docs/reference`.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A setting or a command: its group, its name, its value if it has one, and its text."""

    group: str
    name: str
    value: str
    text: str


def main() -> int:
    """Write the pages, or name those that are out of date."""
    parser = argparse.ArgumentParser(prog="python -m tools.reference")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    stale = [name for name, text in pages().items() if _read(FOLDER / name) != text]
    for name in stale:
        if options.check:
            complain(f"docs/reference/{name} is out of date: make docs/reference")
        else:
            (FOLDER / name).write_text(pages()[name])
            say(f"docs/reference/{name} written")
    return 1 if options.check and stale else 0


def pages() -> dict[str, str]:
    """Return the text of each page by its file name."""
    return {
        "settings.md": settings_page((CHECKOUT / ".env.example").read_text()),
        "commands.md": commands_page((CHECKOUT / "Makefile").read_text()),
    }


def settings_page(example: str) -> str:
    """Return the page of the settings of a commented example file."""
    lines = [SETTINGS]
    group = ""
    for entry in settings_of(example):
        if entry.group != group:
            group = entry.group
            lines.append(f"## {group}\n")
        required = entry.text.startswith("* ")
        lines.append(f"### `{entry.name}`\n\n{_prose(entry.text.removeprefix('* '))}\n")
        value = f"Example: `{entry.value}`." if entry.value else ""
        if note := " ".join(filter(None, ["Required." if required else "", value])):
            lines.append(f"{note}\n")
    return "\n".join(lines)


def settings_of(example: str) -> Iterator[Entry]:
    """Yield the settings of a commented example file."""
    group, comment = "", ""
    for line in example.splitlines():
        if title := re.fullmatch(r"# --- (.+?) -+", line):
            group, comment = title[1], ""
        elif line.startswith("#"):
            comment += line[1:].strip() + "\n"
        elif found := re.fullmatch(r"(\w+)=(.*)", line):
            yield Entry(group, found[1], found[2], comment.strip())
            comment = ""
        else:
            comment = ""


def commands_page(makefile: str) -> str:
    """Return the page of the targets that `make help` lists."""
    lines = [COMMANDS]
    group = ""
    for entry in commands_of(makefile):
        if entry.group != group:
            group = entry.group
            lines += [] if len(lines) == 1 else [""]
            lines.append(f"## {group}\n\n| | |\n| --- | --- |")
        lines.append(f"| `make {entry.name}` | {_prose(entry.text).replace('|', '&#124;')} |")
    return "\n".join(lines) + "\n"


def commands_of(makefile: str) -> Iterator[Entry]:
    """Yield the targets of a Makefile that have a text, as tools/help.awk finds them."""
    group = ""
    for line in makefile.splitlines():
        if line.startswith("##@ "):
            group = line[4:]
        elif found := re.fullmatch(r"([a-z][a-z0-9./-]*):.*?## (.+)", line):
            yield Entry(group, found[1], "", found[2])


def _prose(text: str) -> str:
    """Return a comment as Markdown, with links to the pages that it names."""
    return re.sub(
        r"`.*?`|docs/(?P<page>[\w/-]+\.md)(?P<anchor>#[\w-]+)?|[<*\[\]]",
        lambda found: _link(found) if found["page"] else _escaped(found[0]),
        text,
    )


def _escaped(found: str) -> str:
    """Return a code span as it is, a sign of Markdown with a backslash."""
    return found if found.startswith("`") else f"\\{found}"


def _link(found: re.Match[str]) -> str:
    """Return a link from docs/reference to a page of docs/, or to a heading of it."""
    name = found["page"]
    title = (CHECKOUT / "docs" / name).read_text().partition("\n")[0].removeprefix("# ")
    return f"[{title}]({os.path.relpath(name, 'reference')}{found['anchor'] or ''})"


def _read(file: Path) -> str:
    return file.read_text() if file.exists() else ""


if __name__ == "__main__":
    raise SystemExit(main())
