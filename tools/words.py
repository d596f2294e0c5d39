"""python -m tools.words [PATH...]: words that the vocabulary of docs/glossary.md replaces.

Prints FILE:LINE: WORD -> USE for each and returns 1 if there is one. Without a path it reads the
files of ROOTS. Of CHANGELOG.md it reads the newest section only: released sections are history.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from io import StringIO
from pathlib import Path
from token import NAME
from tokenize import generate_tokens

from tools.terminal import say

ROOT = Path(__file__).resolve().parents[1]
GLOSSARY = Path("docs/glossary.md")
TABLE = "## Words that are not used"

ROOTS = (
    *("larder", "config", "tools", "tests", "docs", "deploy", "benchmarks", "clients", "demo"),
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "Makefile", ".env.example"),
    *(
        ".github",
        ".ci",
        ".importlinter",
        "pyproject.toml",
        "Dockerfile",
        "compose.yaml",
        "manage.py",
    ),
)
TEXTS = {
    *(".md", ".py", ".sh", ".conf", ".yaml", ".yml", ".toml", ".sql", ".html", ".js", ".ts"),
    *(".service", ".ini"),
}
NAMES = {"Makefile", ".env.example", ".importlinter", "Dockerfile", "run"}
SKIPPED = (
    *("*/migrations/*", "docs/openapi/*", "docs/clients/*", "*/node_modules/*", "*/.cache/*"),
    *("docs/_build/*", "*.data/*", "clients/*/dist/*"),
    # They have the replaced words themselves.
    *("tools/words.py", "tests/tools/test_words.py"),
)

EXCEPTIONS = (
    # A replaced decision keeps its former title.
    ("docs/adr/*.md", r"^# \d+\. .*\n+Status: replaced by .*"),
    ("docs/adr/index.md", r"^\| \[\d+\]\(.*\) .* \| \[\d+\]\(.*\) \|$"),
    # Blocks of code show what another file has.
    ("*.md", r"(?s:^ *```\w.*?^ *```$)"),
    # A field of an address.
    ("docs/reference/api/*.md", r"[`\"]company[`\"]"),
    ("larder/*.py", r"^    \"?company\b.*$"),
    ("tests/*.py", r"\"company\""),
    ("*.[jt]s", r"\"company\""),
    # A column of a session and a claim of its tokens: the name of the token policy.
    ("larder/identity/*.py", r"\"door\""),
    ("tests/*.py", r"\bdoor, (?:client|generation)"),
    ("tools/*.py", r"\bdoor, client"),
    # The user of Unix without rights, and names of users in tests.
    ("tools/*.py", r"(?:user |\"|- )nobody\b"),
    ("tests/*.py", r"[\"'](?:nobody|somebody)\b|(?:user |//)nobody\b|//somebody@"),
    # Texts of the earlier contracts and of the proxy, which clients may compare.
    ("deploy/nginx/larder/server.conf", r"^ +return 50[24] .*$"),
)
"""Files and the texts in them that may have a replaced word."""


NAMES_TABLE = "## Names that code does not use"

NAMED = "larder/*.py"
"""The files whose names are compared with this table."""


TEST_NAME = re.compile(r"(?<=def )test_\w+")


@dataclass(frozen=True)
class Replaced:
    """A word with what to use for it."""

    pattern: re.Pattern[str]
    parts: frozenset[str]
    """The single words of a phrase: only a text that has them all is searched."""
    use: str


NO_SUBJECT = Replaced(
    re.compile(r"(?<=def test )(?:who|why|so|its|they|those|of)\b"),
    frozenset({"def", "test"}),
    "the subject of the promise",
)
"""The first words of a test's name that leave its subject open."""


@dataclass(frozen=True)
class Finding:
    file: str
    line: int
    word: str
    use: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.word} -> {self.use}"


def main(arguments: list[str]) -> int:
    """Report each finding; return 1 if there is one, 0 if not."""
    glossary = (ROOT / GLOSSARY).read_text()
    vocabulary, unused = tuple(replaced(glossary)), unused_names(glossary)
    found = []
    for file in files(ROOT, arguments or list(ROOTS)):
        name, text = file.relative_to(ROOT).as_posix(), file.read_text()
        found += findings(name, text, vocabulary)
        found += found_names(name, text, unused)
    for one in found:
        say(str(one))
    return 1 if found else 0


def replaced(glossary: str) -> Iterator[Replaced]:
    """Yield the words of the glossary's table of words.

    Words in code font are names, which match as they are written. Others match in any case, also
    across the lines of a paragraph or a comment.
    """
    for words, use in _rows(glossary, TABLE):
        for word in words.split(", "):
            name = word.strip("`")
            spaced = r"\s+(?:# )?".join(map(re.escape, name.split()))
            flags = re.NOFLAG if name != word else re.IGNORECASE
            pattern = re.compile(rf"\b{spaced}\b", flags)
            yield Replaced(pattern, _parts(name), use.replace("`", ""))


def _rows(glossary: str, title: str) -> list[tuple[str, str]]:
    """Return the rows of the table below a title."""
    section = glossary.partition(f"{title}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| (.+) \| (.+) \|$", section, re.MULTILINE)[2:]


def unused_names(glossary: str) -> dict[str, str]:
    """Return the words that no name in the code contains, with what to use."""
    rows = _rows(glossary, NAMES_TABLE)
    return {word.strip("`"): use for words, use in rows for word in words.split(", ")}


def found_names(name: str, text: str, unused: Mapping[str, str]) -> list[Finding]:
    """Return the names in the code of a file that contain one of these words, such as `_asked_at`
    does `asked`; not in comments and texts."""
    if not fnmatch(name, NAMED):
        return []
    return [
        Finding(name, token.start[0], token.string, unused[word])
        for token in generate_tokens(StringIO(text).readline)
        if token.type == NAME
        for word in token.string.lower().split("_")
        if word in unused
    ]


def _parts(text: str) -> frozenset[str]:
    """Return the single words of a text, in lower case."""
    return frozenset(re.findall(r"\w+", text.lower()))


def files(root: Path, paths: list[str]) -> Iterator[Path]:
    """Yield the texts below the paths, without those that are generated or history."""
    for path in paths:
        below = [root / path] if (root / path).is_file() else sorted((root / path).rglob("*"))
        for file in below:
            name = file.relative_to(root).as_posix()
            is_text = file.suffix in TEXTS or (file.name in NAMES and file.is_file())
            if is_text and not any(fnmatch(name, one) for one in SKIPPED):
                yield file


def findings(name: str, text: str, vocabulary: tuple[Replaced, ...]) -> list[Finding]:
    """Return what a text has of the vocabulary, in the order of its lines.

    The names of tests are read as sentences.
    """
    checked = TEST_NAME.sub(_as_words, _without_exceptions(name, text))
    parts = _parts(checked)
    found = [
        Finding(name, checked.count("\n", 0, match.start()) + 1, _joined(match[0]), one.use)
        for one in (*vocabulary, NO_SUBJECT)
        if one.parts <= parts
        for match in one.pattern.finditer(checked)
    ]
    return sorted(found, key=lambda one: one.line)


def _as_words(name: re.Match[str]) -> str:
    """Return a name with spaces between its words."""
    return name[0].replace("_", " ")


def _joined(phrase: str) -> str:
    """Return a phrase on one line."""
    return " ".join(phrase.replace("#", " ").split())


def _without_exceptions(name: str, text: str) -> str:
    """Return the text with blank lines in place of what is not checked."""
    if name == GLOSSARY.as_posix():
        text = text.partition(TABLE)[0]
    if name == "CHANGELOG.md":
        text = "".join(re.split(r"(?m)^(?=## )", text)[:2])
    for pattern, excepted in EXCEPTIONS:
        if fnmatch(name, pattern):
            text = re.sub(excepted, _blank, text, flags=re.MULTILINE)
    return text


def _blank(part: re.Match[str]) -> str:
    """Return as many blank lines as the text has."""
    return "\n" * part[0].count("\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
