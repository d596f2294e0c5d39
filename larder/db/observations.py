"""Stores the latest measurements of jobs, for all servers to report
(`ops/telemetry/shop_state.py`).

The worker makes the measurements that take long. Its process serves no metrics page, and the
measurements must survive its restart.
"""

from collections.abc import Mapping
from datetime import datetime

from larder.db.models import Observation


def note(subject: str, found: Mapping[str, float], *, now: datetime) -> None:
    """Replaces the measurements of a subject."""
    row = Observation(subject=subject, found=dict(found), at=now)
    Observation.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["subject"], update_fields=["found", "at"]
    )


def noted(subject: str) -> Observation | None:
    """Returns the measurements of a subject; None before the first."""
    return Observation.objects.filter(subject=subject).first()
