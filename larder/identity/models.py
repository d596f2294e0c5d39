"""The tables of identity: accounts, what they prove themselves with, and the audit trail."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Concat, Lower, Now
from django.utils.translation import gettext_lazy as _

from larder.core.errors import AlreadyTaken
from larder.core.ids import new_id
from larder.core.limits import (
    COUNTRY_LENGTH,
    MAX_AUDITED_OBJECT_LENGTH,
    MAX_CLIENT_LENGTH,
    MAX_CODE_LENGTH,
    MAX_EMAIL_LENGTH,
    MAX_KEY_NAME_LENGTH,
    MAX_LABEL_LENGTH,
    MAX_PERSON_NAME_LENGTH,
    MAX_SHORT_TEXT_LENGTH,
    MAX_TEXT_LENGTH,
    MAX_USERNAME_LENGTH,
    MAX_WORD_LENGTH,
)
from larder.core.mailboxes import canonical
from larder.db.constraints import insert_unless_taken
from larder.db.fields import Fold
from larder.identity import hashers
from larder.identity.sql import ClockTimestamp


class CustomerManager(BaseUserManager["Customer"]):
    """Finds customers by folded name, and creates those of `createsuperuser`."""

    def named(self, username: str | None) -> "models.QuerySet[Customer]":
        """Returns the account with this name, in any spelling, or none."""
        return self.alias(folded=Fold("username")).filter(folded=Fold(models.Value(username)))

    def get_by_natural_key(self, username: str | None) -> "Customer":
        """Returns the account with this name. Raises DoesNotExist."""
        return self.named(username).get()

    def create_user(self, username: str, password: str | None = None, **fields: Any) -> "Customer":
        """Creates an account. Raises AlreadyTaken."""
        customer = self.model(username=self.model.normalize_username(username), **fields)
        customer.email = canonical(customer.email or "")
        customer.set_password(password)
        self.insert(customer)
        return customer

    def insert(self, customer: "Customer") -> None:
        """Inserts a new account. Raises AlreadyTaken, without an error of the database: PostgreSQL
        could log the failed statement with what it contains."""
        if insert_unless_taken(customer, using=self._db):
            return
        raise AlreadyTaken("username" if self.named(customer.username).exists() else "email")

    def create_superuser(self, username: str, password: str | None, **fields: Any) -> "Customer":
        return self.create_user(username, password, **fields, is_staff=True, is_superuser=True)


SEARCH_TEXT = Fold(
    Concat(
        *("username", models.Value(" "), "email", models.Value(" ")),
        *("first_name", models.Value(" "), "last_name"),
        output_field=models.TextField(),
    )
)
"""What staff find a customer by."""


class Customer(AbstractBaseUser, PermissionsMixin):
    """A person who can log in. The row of a deleted account (`deleted_at`) stays, because orders
    refer to it, without personal data."""

    id = models.BigAutoField(primary_key=True)
    public_id = models.UUIDField(unique=True, default=new_id, editable=False)
    username = models.CharField(_("username"), max_length=MAX_USERNAME_LENGTH)
    email = models.EmailField(_("email"), max_length=MAX_EMAIL_LENGTH, blank=True, default="")
    # When its owner last changed it; None for the first address, and for one set by staff.
    email_since = models.DateTimeField(null=True, editable=False)
    # The member of staff who set the address or the password, or may have. None: the owner.
    email_by = models.UUIDField(null=True, editable=False)
    password_by = models.UUIDField(null=True, editable=False)
    first_name = models.CharField(
        _("first name"), max_length=MAX_PERSON_NAME_LENGTH, blank=True, default=""
    )
    last_name = models.CharField(
        _("last name"), max_length=MAX_PERSON_NAME_LENGTH, blank=True, default=""
    )
    is_active = models.BooleanField(_("is active"), default=True)
    is_staff = models.BooleanField(_("is staff"), default=False)
    may_order = models.BooleanField(_("may order"), default=True)
    date_joined = models.DateTimeField(db_default=Now(), editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)
    version = models.IntegerField(default=1, db_default=1, editable=False)

    objects: ClassVar[CustomerManager] = CustomerManager()

    @classmethod
    def normalize_username(cls, username: str) -> str:
        """Returns Unicode normalization form KC without spaces at its ends. A text that is too long
        to be a name is returned unchanged: normalizing takes quadratic time in a run of combining
        marks."""
        if len(username) > MAX_USERNAME_LENGTH:
            return username
        return str(super().normalize_username(username)).strip()

    @property
    def lane(self) -> hashers.Lane:
        """The lane in which passwords of the account are hashed."""
        return "staff" if self.is_staff else "others"

    def set_password(self, raw_password: str | None) -> None:
        """Sets a password, without saving it. Raises Overloaded."""
        self.password = hashers.hashed(raw_password, self.lane)

    def check_password(self, raw_password: str | None) -> bool:
        """Returns whether this is the password, in any form of Unicode. Hashes it anew if the
        parameters of the hash have changed. Raises Overloaded."""

        def renew(password: str) -> None:
            self.password = make_password(password)
            self.save(update_fields=["password"])

        if raw_password is None:
            return False
        with hashers.slot(self.lane):
            return check_password(hashers.normal_form(raw_password), self.password, renew)

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    class Meta:
        db_table = "customer"
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        permissions = (("manage_rights", "Can make accounts staff, and give roles"),)
        constraints = (
            models.UniqueConstraint(Fold("username"), name="customer_username_unique"),
            models.UniqueConstraint(
                Lower("email"),
                name="customer_email_unique",
                condition=~models.Q(email=""),
            ),
            models.CheckConstraint(
                name="customer_deleted_is_nobody",
                condition=models.Q(deleted_at=None)
                | models.Q(
                    is_active=False, is_staff=False, is_superuser=False, may_order=False, email=""
                ),
            ),
        )
        indexes = (GinIndex(models.Func(SEARCH_TEXT, function="trigrams"), name="customer_search"),)

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.username


class Address(models.Model):
    """A saved delivery address of a customer, with a label. The other fields are those of an
    order's `ship_to`. It is deleted with the account."""

    id = models.UUIDField(primary_key=True, default=new_id)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, db_index=False)
    label = models.CharField(max_length=MAX_LABEL_LENGTH, blank=True, default="")
    name = models.CharField(max_length=MAX_SHORT_TEXT_LENGTH, blank=True, default="")
    company = models.CharField(max_length=MAX_SHORT_TEXT_LENGTH, blank=True, default="")
    line1 = models.CharField(max_length=MAX_SHORT_TEXT_LENGTH, blank=True, default="")
    line2 = models.CharField(max_length=MAX_SHORT_TEXT_LENGTH, blank=True, default="")
    city = models.CharField(max_length=MAX_SHORT_TEXT_LENGTH, blank=True, default="")
    region = models.CharField(max_length=MAX_SHORT_TEXT_LENGTH, blank=True, default="")
    postal_code = models.CharField(max_length=MAX_CODE_LENGTH, blank=True, default="")
    country = models.CharField(max_length=COUNTRY_LENGTH, blank=True, default="")
    phone = models.CharField(max_length=MAX_CODE_LENGTH, blank=True, default="")
    created_at = models.DateTimeField()
    version = models.IntegerField(default=1, editable=False)

    class Meta:
        db_table = "address"
        indexes = (models.Index(fields=["customer", "id"], name="address_of_customer"),)


class Note(models.Model):
    """A note about an object, by its name in the audit trail, which staff alone see. It is never
    changed; those about a customer are deleted with the account."""

    id = models.BigAutoField(primary_key=True)
    object = models.CharField(max_length=MAX_AUDITED_OBJECT_LENGTH)
    actor = models.UUIDField()
    at = models.DateTimeField()
    text = models.CharField(max_length=MAX_TEXT_LENGTH)

    class Meta:
        db_table = "note"
        default_permissions = ()
        indexes = (models.Index(fields=["object", "id"], name="note_history"),)


class AuditEntry(models.Model):
    """What a member of staff or a command did to an object. Append-only.

    `actor` is a public id, and `object` a kind and an id such as `product:12`: no personal data.
    `before` and `after` have only what differs (larder/identity/services/audit.py).
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_default=Now())
    actor = models.UUIDField()
    channel = models.CharField(max_length=MAX_WORD_LENGTH)
    object = models.CharField(_("object"), max_length=MAX_AUDITED_OBJECT_LENGTH)
    action = models.CharField(max_length=MAX_WORD_LENGTH)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    class Meta:
        db_table = "audit_entry"
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit trail")
        default_permissions = ("view",)
        indexes = (
            models.Index(fields=["object", "id"], name="audit_entry_of_object"),
            models.Index(fields=["actor", "id"], name="audit_entry_of_actor"),
            models.Index(fields=["at", "id"], name="audit_entry_by_time"),
        )


class SessionQuerySet(models.QuerySet["Session"]):
    """Defines in one place which sessions are live."""

    def live(self, now: datetime | models.Func) -> Self:
        """Returns the sessions that have neither ended nor expired."""
        return self.filter(ended_at=None, expires_at__gt=now)

    def aged(self) -> Self:
        """Adds `age`: the time since the last use, by the database's clock."""
        return self.annotate(age=ClockTimestamp() - models.F("rotated_at"))


class Session(models.Model):
    """A log-in that can be refreshed: a family of refresh tokens, in one row.

    No token is stored: one follows from the id and the generation. So the successor of a token can
    be returned again if the answer was lost. `policy` names the policy of the tokens (tokens.py);
    a session of the admin has none (services/sessions.py: ADMIN). `rotated_at` is the last use of a
    token. `client` is the `User-Agent` of the program, so that the owner recognizes the session;
    its network address is not stored. A trigger ends the sessions of a deactivated account.
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
    last_used_at = models.DateTimeField(_("Last used"), null=True)
    ended_at = models.DateTimeField(_("Ended"), null=True)

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
    """What an account proves beside its password (factors.py).

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
