"""Expressions of PostgreSQL that Django does not have."""

import json

from django.db import models


class ClockTimestamp(models.Func):
    """The database's clock while the statement runs. `Now` is the start of the transaction."""

    template = "clock_timestamp()"
    output_field = models.DateTimeField()


class WithExchange(models.Func):
    """Adds to a JSON object the time of the database's clock, in seconds, under a generation."""

    template = "jsonb_set(%(expressions)s::text[], to_jsonb(extract(epoch FROM clock_timestamp())))"
    arg_joiner = "::jsonb, "
    output_field = models.JSONField()

    def __init__(self, exchanges: dict[str, float], generation: int) -> None:
        kept, path = json.dumps(exchanges), f"{{{generation}}}"
        super().__init__(models.Value(kept), models.Value(path))
