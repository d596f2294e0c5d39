"""Stores the latest measurements of jobs, for all servers to report
(`ops/telemetry/shop_state.py`).

The worker makes the measurements that take long. Its process serves no metrics page, and the
measurements must survive its restart.
"""

from collections.abc import Mapping
from datetime import datetime

from larder.db.models import Observation


def note(subject: str, measurements: Mapping[str, float], *, now: datetime) -> None:
    """Replaces the measurements of a subject."""
    columns = {"found": dict(measurements), "at": now}
    Observation.objects.update_or_create(subject=subject, defaults=columns)


def noted(subject: str) -> Observation | None:
    """Returns the measurements of a subject; None before the first."""
    return Observation.objects.filter(subject=subject).first()
