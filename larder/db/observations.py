"""Stores the latest measurements of jobs, for all servers to report
(`ops/telemetry/shop_state.py`).

The worker makes the measurements that take long. Its process serves no metrics page, and the
measurements must survive its restart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from larder.db.models import Observation


@dataclass(frozen=True, slots=True)
class Observed:
    """Numbers by name, and the time of the measurement."""

    found: Mapping[str, float]
    at: datetime


def note(subject: str, found: Mapping[str, float], *, now: datetime) -> None:
    """Replaces the measurements of a subject."""
    row = Observation(subject=subject, found=dict(found), at=now)
    Observation.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["subject"], update_fields=["found", "at"]
    )


def noted() -> dict[str, Observed]:
    """Returns the measurements of all subjects: a few."""
    rows = Observation.objects.order_by("subject")
    return {one.subject: Observed(one.found, one.at) for one in rows}
