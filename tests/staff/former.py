"""Takes rights away from staff during a request."""

from datetime import UTC, datetime

from larder.identity.models import Customer, Session
from tests.conftest import Person


def take_away(who: Person, columns: dict[str, object]) -> None:
    """Changes columns of the account; of `session` ends its sessions."""
    if "session" in columns:
        Session.objects.filter(customer=who.id).update(ended_at=datetime.now(UTC))
    else:
        Customer.objects.filter(pk=who.id).update(**columns)
