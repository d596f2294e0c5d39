"""The Markdown of docs/problems.md as HTML: the marks that stand there, and no others.

Headings (with GitHub's anchors), paragraphs, lists, tables, fenced code; in a line code, bold,
italics and links. tests/api/test_problem_pages.py holds that nothing of that page is left over.
"""

import re
from collections.abc import Callable, Iterator

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe


def html(text: str) -> SafeString:
    """The text as HTML. Everything in it is escaped: it has no HTML of its own.

    >>> html("Send `a<b` **now**.")
    '<p>Send <code>a&lt;b</code> <strong>now</strong>.</p>'
    """
    return mark_safe("\n".join(_blocks(text.split("\n"))))  # noqa: S308  # nosec B308, B703


def anchor(heading: str) -> str:
    """Where a link to a heading leads, as GitHub makes it.

    >>> anchor("Codes of single faults"), anchor("404 and 405: not `here`")
    ('codes-of-single-faults', '404-and-405-not-here')
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _blocks(lines: list[str]) -> Iterator[str]:
    while lines:
        start = lines[0]
        kind = next((one for mark, one in _KINDS.items() if re.match(mark, start)), _paragraph)
        length, block = kind(lines)
        lines = lines[length:]
        if block:
            yield block


Block = tuple[int, str]
"""How many lines a block has, and the HTML of it."""


def _blank(lines: list[str]) -> Block:
    return 1, ""


def _heading(lines: list[str]) -> Block:
    marks, _, said = lines[0].partition(" ")
    level = len(marks)
    return 1, f'<h{level} id="{anchor(said)}">{_inline(said)}</h{level}>'


def _fence(lines: list[str]) -> Block:
    end = next((at for at, line in enumerate(lines[1:], 1) if line == "```"), len(lines))
    return end + 1, f"<pre><code>{escape(chr(10).join(lines[1:end]))}</code></pre>"


def _table(lines: list[str]) -> Block:
    length = _run(lines, lambda line: line.startswith("|"))
    head, _, *body = [[_inline(cell.strip()) for cell in _cells(row)] for row in lines[:length]]
    rows = [f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in body]
    top = "".join(f"<th>{cell}</th>" for cell in head)
    return length, f"<table><thead><tr>{top}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _cells(row: str) -> list[str]:
    return row.strip("|").split("|")


def _list(lines: list[str]) -> Block:
    length = _run(lines, lambda line: line.startswith(("- ", "  ")))
    items: list[list[str]] = []
    for line in lines[:length]:
        if line.startswith("- "):
            items.append([])
        items[-1].append(line[2:])
    shown = "".join(f"<li>{''.join(_blocks(item))}</li>" for item in items)
    return length, f"<ul>{shown}</ul>"


def _paragraph(lines: list[str]) -> Block:
    length = 1 + _run(lines[1:], lambda line: not any(re.match(mark, line) for mark in _KINDS))
    return length, f"<p>{_inline(' '.join(lines[:length]))}</p>"


def _run(lines: list[str], belongs: Callable[[str], bool]) -> int:
    """How many lines from the first on belong together."""
    return next((at for at, line in enumerate(lines) if not belongs(line)), len(lines))


_KINDS: dict[str, Callable[[list[str]], Block]] = {
    r"\s*\Z": _blank,
    r"#{1,6} ": _heading,
    r"```": _fence,
    r"\|": _table,
    r"- ": _list,
}
"""How a block begins that is no paragraph."""


def _inline(text: str) -> str:
    pieces = re.split(r"`([^`]+)`", escape(text))
    return "".join(
        f"<code>{piece}</code>" if at % 2 else _marked(piece) for at, piece in enumerate(pieces)
    )


def _marked(text: str) -> str:
    for pattern, shown in _MARKS:
        text = re.sub(pattern, shown, text)
    return text


_MARKS = (
    (r"\[([^]]+)\]\(([^)\s]+)\)", r'<a href="\2">\1</a>'),
    (r"\*\*(.+?)\*\*", r"<strong>\1</strong>"),
    (r"\*(.+?)\*", r"<em>\1</em>"),
)
