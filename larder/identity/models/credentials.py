"""What an account proves itself with: sessions, keys, second factors and codes."""

from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from larder.core.ids import new_id
from larder.core.limits import MAX_CLIENT_LENGTH, MAX_KEY_NAME_LENGTH, MAX_WORD_LENGTH
from larder.identity.models.accounts import Customer
from larder.identity.sql import ClockTimestamp


class SessionQuerySet(models.QuerySet["Session"]):
    """Defines in one place which sessions are live."""

    def live(self, now: datetime) -> Self:
        """Returns the sessions that have neither ended nor expired."""
        return self.filter(ended_at=None, expires_at__gt=now)

    def aged(self) -> Self:
        """Adds `age`: the time since the last use, by the database's clock."""
        return self.annotate(age=ClockTimestamp() - models.F("rotated_at"))


class Session(models.Model):
    """A log-in that can be refreshed: a family of refresh tokens, in one row.

    The tokens are derived from the id and the generation. So no token is stored, and the successor
    of a token can be returned again if the answer was lost. `policy` is the name of the policy of
    tokens (tokens.py): only the API that issued the first token accepts the others. A
    session of the admin has none (services/sessions.py: ADMIN).

    `rotated_at` is the last use of a token. A trigger ends the sessions of an account that is
    deactivated. `client` is the `User-Agent` of the program, so that the owner recognizes the
    session; its network address is not stored.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, db_index=False)
    policy = models.CharField(max_length=20, db_column="door")
    client = models.CharField(max_length=MAX_CLIENT_LENGTH, blank=True, default="", db_default="")
    generation = models.IntegerField(default=0)
    # The parent of the token was exchanged before, for a token that was never used.
    is_retried = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField()
    rotated_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    age: timedelta
    """Present only in rows read with SessionQuerySet.aged."""

    objects: ClassVar[SessionQuerySet] = SessionQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "session"
        indexes = (
            models.Index(
                fields=["ended_at"],
                name="session_ended",
                condition=models.Q(ended_at__isnull=False),
            ),
            models.Index(fields=["expires_at"], name="session_expiry"),
            models.Index(fields=["customer", "ended_at"], name="session_of_account"),
        )


class KeyQuerySet(models.QuerySet["Key"]):
    """Defines in one place which keys are live. sql.KEY_OWNER has the same condition."""

    def ongoing(self) -> Self:
        """Returns the keys that have not been ended. Some may have expired."""
        return self.filter(ended_at=None)

    def live(self) -> Self:
        """Returns the keys that are ongoing and have not expired by the database's clock."""
        unexpired = models.Q(expires_at=None) | models.Q(expires_at__gt=ClockTimestamp())
        return self.ongoing().filter(unexpired)


class Key(models.Model):
    """A credential for a program. Only its SHA-256 is stored.

    `generation` is null for a random key, which is shown once. A key that can be derived again has
    the number from which it is derived. A customer has at most one such live key.

    `permissions` are the only ones that the key gives, as far as its owner has them; null: all that
    its owner has. `last_used_at` is exact to ten minutes (sql.NOTE_USE).
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE)
    name = models.CharField(_("name"), max_length=MAX_KEY_NAME_LENGTH, blank=True, default="")
    digest = models.BinaryField(unique=True)
    generation = models.IntegerField(null=True)
    permissions = ArrayField(models.CharField(max_length=MAX_WORD_LENGTH), null=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects: ClassVar[KeyQuerySet] = KeyQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "key"
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        default_permissions = ("view", "delete")
        constraints = (
            models.UniqueConstraint(
                fields=["customer"],
                name="key_one_derived",
                condition=models.Q(generation__isnull=False, ended_at=None),
            ),
        )

    def __str__(self) -> str:
        return self.name or str(self.id)


class SecondFactor(models.Model):
    """What an account proves beside its password (factors/codes.py).

    `credential` of an authenticator app (`totp`) is the secret, encrypted. `counter` is the time
    step of the last code that was accepted: this code and older ones are refused. `credential` of a
    passkey is its id and its public key; `counter` is its last count of signatures, 0 if it does
    not count.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE)
    kind = models.CharField(max_length=MAX_WORD_LENGTH)
    name = models.CharField(max_length=MAX_KEY_NAME_LENGTH, blank=True, default="")
    credential = models.BinaryField(db_column="data")
    counter = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "second_factor"
        constraints = (
            models.UniqueConstraint(
                fields=["customer"], name="second_factor_one_app", condition=models.Q(kind="totp")
            ),
        )


class RecoveryCode(models.Model):
    """A code that an account uses once in place of its second factor. Only its SHA-256 is
    stored."""

    id = models.UUIDField(primary_key=True, default=new_id)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, db_index=False)
    digest = models.BinaryField()
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "recovery_code"
        constraints = (
            models.UniqueConstraint(fields=["customer", "digest"], name="recovery_code_unique"),
        )
