"""What differs between two runs of the same code is replaced by its kind: times, ids, tokens."""

from __future__ import annotations

import re
from hashlib import sha256

from tools.behaviour.call import Answer

KINDS = (
    (r"eyJ[\w-]+\.[\w-]+\.[\w-]+", "<token>"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)?", "<time>"),
    (r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", "<time>"),
    (r"\d{1,2} [A-Z][a-z]{2} \d{4}, \d\d:\d\d(?::\d\d)? UTC", "<time>"),
    (r"\b\d\d:\d\d:\d\d(?:\.\d+)?\b", "<time>"),
    (r"(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", "<uuid>"),
    (r"(?i)\b[0-9a-f]{40}\b", "<hex>"),
    (r"(?i)\b[0-9a-f]{32}\b", "<hex>"),
    (r"\bL-[0-9A-Z]{5}-[0-9A-Z]{5}\b", "<sku>"),
    (r"\b(?=[\w-]*\d)(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{30,}", "<secret>"),
    (r"http://127\.0\.0\.1:\d+", "<address>"),
    (r"127\.0\.0\.1:\d+", "<host>"),
)
LEFT_OUT = frozenset({"connection", "content-length", "date", "server"})
HIDDEN = frozenset({"etag", "larder-position", "correlation-id", "last-modified", "ratelimit"})
"""Headers of which only the presence and the form count."""
LONGEST = 12_000
"""A longer body is kept to this many characters, and its digest."""


LOOKS = (
    r"(?s)<(style|script|svg)\b.*?</\1>",
    r"\s(?:class|style|x-[\w:.-]+|@[\w.-]+|:[\w-]+)=\"[^\"]*\"",
    r"\s+(?=\s)",
)
"""Of an HTML page, what says only how it looks."""


def answer(given: Answer, kept: frozenset[str]) -> str:
    """Return status, headers and body as text. The values in `kept` are shown as they are."""
    lines = [str(given.status)]
    for name, value in given.headers:
        if name not in LEFT_OUT:
            lines.append(f"{name}: {_hidden(value) if name in HIDDEN else text(value, kept)}")
    body = text(given.body.decode("utf-8", "backslashreplace"), kept)
    for look in LOOKS if "html" in given.header("content-type") else ():
        body = re.sub(look, "", body)
    return "\n".join([*lines, "", _bounded(body)])


def text(given: str, kept: frozenset[str]) -> str:
    """Return the text with what is volatile replaced by its kind."""
    for pattern, kind in KINDS:
        for found in set(re.findall(pattern, given)) - kept:
            given = given.replace(found, kind)
    return given


def _hidden(value: str) -> str:
    return re.sub(r"[\w.~+/=:-]+", "…", value)


def _bounded(body: str) -> str:
    if len(body) <= LONGEST:
        return body
    digest = sha256(body.encode()).hexdigest()[:16]
    return f"{body[:LONGEST]}… ({len(body)} characters, sha256 {digest})"
