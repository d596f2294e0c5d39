"""What jobs found when they looked last, for every server to tell of (`ops/shop_state.py`).

What takes long to find out is looked at by the worker, now and then; its process has no page that
anybody could ask, and what it found outlives it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from larder.db import database

NOTE = """
INSERT INTO observation (subject, found, at) VALUES (%s, %s::jsonb, %s)
ON CONFLICT (subject) DO UPDATE SET found = excluded.found, at = excluded.at
WHERE observation.at <= excluded.at
"""
"""Of two that looked, the later one is believed, whichever writes last."""

NOTED = "SELECT subject, found::text, at FROM observation ORDER BY subject"


@dataclass(frozen=True, slots=True)
class Observed:
    """Numbers by name, and when they were true."""

    found: Mapping[str, float]
    at: datetime


def note(subject: str, found: Mapping[str, float], *, now: datetime) -> None:
    """Keeps what was found of a subject, in the place of what was found before."""
    database.execute(NOTE, [subject, json.dumps(dict(found)), now])


def noted() -> dict[str, Observed]:
    """All subjects that were ever looked at: a handful."""
    rows = database.rows(NOTED)
    return {subject: Observed(json.loads(found), at) for subject, found, at in rows}
