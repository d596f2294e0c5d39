"""python -m tools.messages: update the German catalogue of the admin, and compile it.

New texts of `larder` are added to the .po files, without a translation; the program needs
GNU gettext for that (Debian: `gettext`). With --compile it only makes what Django and the browser
read of them: django.mo, and texts.js for scripts. That needs nothing else.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import django
from django.core.management import call_command
from django.core.management.commands import makemessages

from tools.terminal import say

ROOT = Path(__file__).resolve().parents[1]
STAFF = ROOT / "larder/staff"
FOLDER = STAFF / "locale/de/LC_MESSAGES"
DOMAINS = ("django", "djangojs")
MO = FOLDER / "django.mo"
TEXTS = STAFF / "static/staff/texts.js"


@dataclass
class Entry:
    """A text of a catalogue: its context, its plural, its translations, and its flags."""

    parts: dict[str, str] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)

    @property
    def key(self) -> str:
        """The key in the compiled catalogue."""
        context = f"{self.parts['msgctxt']}\x04" if "msgctxt" in self.parts else ""
        plural = f"\0{self.parts['msgid_plural']}" if "msgid_plural" in self.parts else ""
        return f"{context}{self.parts['msgid']}{plural}"

    @property
    def said(self) -> list[str]:
        """The translations: one, or one for each plural."""
        return [text for name, text in self.parts.items() if name.startswith("msgstr")]


def entries(text: str) -> Iterator[Entry]:
    """Yields the entries of a .po file; the first is its header. Omits obsolete ones."""
    for block in text.split("\n\n"):
        entry, name = Entry(), ""
        for line in block.splitlines():
            if line.startswith("#,"):
                entry.flags |= {one.strip() for one in line[2:].split(",")}
            elif line and not line.startswith("#"):
                word, _, rest = line.partition('"')
                name = word.strip() or name
                entry.parts[name] = entry.parts.get(name, "") + ast.literal_eval(f'"{rest}')
        if entry.parts:
            yield entry


def catalogue(domain: str) -> list[Entry]:
    """Returns the entries of a catalogue, without its header."""
    return list(entries((FOLDER / f"{domain}.po").read_text()))[1:]


def compiled(text: str) -> bytes:
    """Returns the .mo file of a .po file (GNU gettext, "The Format of GNU MO Files")."""
    found = {one.key: "\0".join(one.said) for one in entries(text) if any(one.said)}
    pairs = [(key.encode(), found[key].encode()) for key in sorted(found)]
    ids, texts = (b"".join(one + b"\0" for one in side) for side in zip(*pairs, strict=True))
    start = 28 + 16 * len(pairs)
    tables = []
    for side, at in ((0, start), (1, start + len(ids))):
        place = at
        for pair in pairs:
            tables.append(struct.pack("<II", len(pair[side]), place))
            place += len(pair[side]) + 1
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, start)
    return b"".join((head, *tables, ids, texts))


def script() -> str:
    """Returns the script that gives the texts of scripts in the language of the page."""
    texts = {one.key: one.said[0] for one in catalogue("djangojs")}
    made = json.dumps(texts, ensure_ascii=False, indent=4, sort_keys=True)
    return (
        "// Made by `make messages` from locale/de/LC_MESSAGES/djangojs.po.\n"
        '"use strict";\n'
        f'globalThis.TEXTS = document.documentElement.lang === "de" ? {made} : {{}};\n'
    )


class MakeMessages(makemessages.Command):
    """Django's command. A new text does not get the translation of a similar one."""

    def __init__(self) -> None:
        super().__init__()
        self.msgmerge_options = [*self.msgmerge_options, "--no-fuzzy-matching"]


def extract() -> None:
    """Adds the texts of the code to the catalogues, and removes those that are gone."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    os.chdir(STAFF.parent)
    for domain in DOMAINS:
        options = {"locale": ["de"], "domain": domain, "no_wrap": True, "no_obsolete": True}
        options |= {"add_location": "file", "ignore_patterns": ["texts.js"]}
        call_command(MakeMessages(), **options)
        # The time of this run says nothing, and would change the file each time.
        file = FOLDER / f"{domain}.po"
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join(one for one in lines if "POT-Creation-Date" not in one))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tools.messages")
    parser.add_argument("--compile", action="store_true", help="only compile the .po files")
    if not parser.parse_args().compile:
        extract()
    MO.write_bytes(compiled((FOLDER / "django.po").read_text()))
    TEXTS.write_text(script())
    found = [one for domain in DOMAINS for one in catalogue(domain)]
    missing = [one.key for one in found if "fuzzy" in one.flags or not all(one.said)]
    for key in missing:
        say(f"without a translation: {key!r}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
