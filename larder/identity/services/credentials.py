"""A username and a password: whose they are, whether they still are, and what is one."""

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from larder.core.errors import Fault
from larder.core.limits import MAX_USERNAME_LENGTH
from larder.identity.caller import Caller
from larder.identity.errors import InvalidCredentials, SessionEnded
from larder.identity.models import Customer, Key
from larder.identity.queries import goes_on


def authenticate(username: str, password: str) -> Caller:
    """The customer of a username and a password, for this one request (Basic authentication).

    One answer, in the same time, for every way of being wrong. Raises InvalidCredentials.
    """
    customer = verified(username, password)
    return Caller(customer.pk, customer.public_id, customer.is_staff, session=None)


def verified(username: str, password: str) -> Customer:
    """The account whose password this is. Hashes in every case. Raises InvalidCredentials."""
    customer = _named(Customer.normalize_username(username))
    if customer is None:
        make_password(password)
        raise InvalidCredentials
    if not customer.check_password(password) or not customer.is_active:
        raise InvalidCredentials
    return customer


def _named(username: str) -> Customer | None:
    if "\0" in username or len(username) > MAX_USERNAME_LENGTH:
        return None  # nobody's name; PostgreSQL's texts have no NUL and refuse to be asked
    try:
        return Customer.objects.get_by_natural_key(username)
    except Customer.DoesNotExist:
        return None


def still_so(customer: Customer) -> None:
    """Locks the account and looks at it again, in the transaction of what the password opens.

    Hashing takes its time: whoever changed the password or ended the account meanwhile has
    already ended what there was, and what is made now would outlive it.
    Raises InvalidCredentials.
    """
    if _locked_password(customer.pk) != customer.password:
        raise InvalidCredentials


def lock_account(caller: Caller, *others: int) -> None:
    """Locks the caller's account, and `others`, in the order of their ids.

    The check of an access token may be some seconds old. What is written in this transaction lasts
    longer than the token, so the session or the key that the caller uses must be live, read in a
    statement after the lock: what ends all sessions or keys of an account takes the same lock.
    Raises SessionEnded unless it is, and the caller's account is active.
    """
    rows = Customer.objects.select_for_update(no_key=True).filter(pk__in={caller.id, *others})
    locked = dict(rows.order_by("pk").values_list("pk", "is_active"))
    if not (locked.get(caller.id) and _is_live(caller)):
        raise SessionEnded


def _is_live(caller: Caller) -> bool:
    if caller.key is not None:
        return Key.objects.filter(pk=caller.key, ended_at=None).exists()
    return caller.session is None or goes_on(caller.session)


def _locked_password(customer: int) -> str | None:
    rows = Customer.objects.select_for_update(no_key=True).filter(pk=customer, is_active=True)
    return rows.values_list("password", flat=True).first()


def password_faults(
    password: str, customer: Customer | None, *, where: str = "/password"
) -> list[Fault]:
    """Why this cannot be a password: of the customer's, or of anybody's with None."""
    try:
        validate_password(password, customer)
    except ValidationError as error:
        return [Fault(where, e.code or "invalid", " ".join(e.messages)) for e in error.error_list]
    return []
