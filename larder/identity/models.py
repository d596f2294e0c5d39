"""Customers, their sessions and their long-lived keys."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.contrib.auth.models import (
    AbstractBaseUser,
    BaseUserManager,
    PermissionsMixin,
)
from django.db import models
from django.db.models.functions import Lower, Now

from larder.core.ids import new_id
from larder.core.limits import (
    COUNTRY_LENGTH,
    MAX_CLIENT_LENGTH,
    MAX_CODE_LENGTH,
    MAX_EMAIL_LENGTH,
    MAX_KEY_NAME_LENGTH,
    MAX_LABEL_LENGTH,
    MAX_PERSON_NAME_LENGTH,
    MAX_SHORT_TEXT_LENGTH,
    MAX_USERNAME_LENGTH,
)


class CustomerManager(BaseUserManager["Customer"]):
    """Finds customers by name without regard to case; makes those of `createsuperuser`."""

    def get_by_natural_key(self, username: str | None) -> "Customer":
        return self.annotate(folded=Lower("username")).get(folded=Lower(models.Value(username)))

    def create_user(self, username: str, password: str | None = None, **fields: Any) -> "Customer":
        customer = self.model(username=self.model.normalize_username(username), **fields)
        customer.set_password(password)
        customer.save(using=self._db)
        return customer

    def create_superuser(self, username: str, password: str | None, **fields: Any) -> "Customer":
        return self.create_user(username, password, **fields, is_staff=True, is_superuser=True)


class Customer(AbstractBaseUser, PermissionsMixin):
    """Somebody who can log in. Staff are customers with `is_staff`.

    Of a deleted account (`deleted_at`) the row stays, for the books refer to it; it says nothing
    of the person any more.
    """

    id = models.BigAutoField(primary_key=True)
    public_id = models.UUIDField(unique=True, default=new_id, editable=False)
    username = models.CharField(max_length=MAX_USERNAME_LENGTH)
    email = models.EmailField(max_length=MAX_EMAIL_LENGTH, blank=True, default="")
    # When its owner changed it last; None for the one the account began with, or staff's.
    email_since = models.DateTimeField(null=True, editable=False)
    # The former and the present password, hashed as one: by it a repeat of a change is known.
    password_change = models.CharField(
        max_length=128, blank=True, default="", db_default="", editable=False
    )
    first_name = models.CharField(max_length=MAX_PERSON_NAME_LENGTH, blank=True, default="")
    last_name = models.CharField(max_length=MAX_PERSON_NAME_LENGTH, blank=True, default="")
    is_active = models.BooleanField(
        default=True,
        help_text="Without it the customer cannot log in; open sessions end.",
    )
    is_staff = models.BooleanField(default=False, help_text="May use the admin and staff requests.")
    may_order = models.BooleanField(default=True, help_text="May place orders.")
    date_joined = models.DateTimeField(db_default=Now(), editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)
    version = models.IntegerField(default=1, db_default=1, editable=False)
    # Raised to end all log-ins at once; a trigger raises it when the account is deactivated and
    # keeps a save of the whole row from lowering it.
    session_epoch = models.IntegerField(default=0, db_default=0, editable=False)
    epoch_raised_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[CustomerManager] = CustomerManager()

    @classmethod
    def normalize_username(cls, username: str) -> str:
        """Unicode's normal form KC. What is too long to be a name stays as it is: normalising
        takes time by the square of a run of combining marks."""
        if len(username) > MAX_USERNAME_LENGTH:
            return username
        return str(super().normalize_username(username))

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    class Meta:
        db_table = "customer"
        constraints = (
            models.UniqueConstraint(Lower("username"), name="customer_username_unique"),
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
        indexes = (
            models.Index(
                fields=["epoch_raised_at"],
                name="customer_epoch_raised",
                condition=models.Q(epoch_raised_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return self.username


class ClockTimestamp(models.Func):
    """The database's clock as the statement runs; `Now` is the start of the transaction."""

    template = "clock_timestamp()"
    output_field = models.DateTimeField()


class SessionQuerySet(models.QuerySet["Session"]):
    """What it means that a session is live, in one place."""

    def ongoing(self) -> Self:
        """Those that nothing has ended: neither by themselves nor with all of their account."""
        return self.filter(ended_at=None, epoch=models.F("customer__session_epoch"))

    def live(self, now: datetime) -> Self:
        """Those that are ongoing and have not expired."""
        return self.ongoing().filter(expires_at__gt=now)

    def aged(self) -> Self:
        """With `age`: how long ago the last use was, by the database's clock."""
        age = ClockTimestamp() - models.F("rotated_at")
        return self.annotate(age=age)


class Session(models.Model):
    """A log-in that can be refreshed: a family of refresh tokens, in one row.

    The tokens are derived from the id and the generation, so the row can repeat the successor
    of a token whose answer was lost, and none of them is stored. `door` is the API that issued
    the first one and the only one that takes the others. `rotated_at` is the last use of a
    token. `epoch` is that of the account when the session was opened, or of a later moment at
    which it alone went on. A session that ends with all of its account is of a former epoch; a
    trigger gives up to 1,000 of these their last use as `ended_at`. `client` is what the program
    that logged in said of itself, for its owner to know it by; where it was is not kept.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, db_index=False)
    door = models.CharField(max_length=20)
    client = models.CharField(max_length=MAX_CLIENT_LENGTH, blank=True, default="", db_default="")
    generation = models.IntegerField(default=0)
    # The parent of the present token, if that was exchanged twice (rotation.py).
    retried = models.IntegerField(null=True)
    epoch = models.IntegerField(default=0, db_default=0)
    created_at = models.DateTimeField()
    rotated_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    age: timedelta
    """Only of rows read with SessionQuerySet.aged."""

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
            models.Index(fields=["customer", "epoch", "ended_at"], name="session_of_account"),
        )

    @property
    def is_ongoing(self) -> bool:
        """What SessionQuerySet.ongoing asks for, of a row read with its customer."""
        return self.ended_at is None and self.epoch == self.customer.session_epoch


class Key(models.Model):
    """A credential without an end of its own. Only its SHA-256 is stored.

    `generation` is null for a random key, shown once; a key that can be derived again has the
    number it is derived with, and a customer has one such key at most.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE)
    name = models.CharField(max_length=MAX_KEY_NAME_LENGTH, blank=True, default="")
    digest = models.BinaryField(unique=True)
    generation = models.IntegerField(null=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "key"
        constraints = (
            models.UniqueConstraint(
                fields=["customer"],
                name="key_one_derived",
                condition=models.Q(generation__isnull=False, ended_at=None),
            ),
        )


class PasswordReset(models.Model):
    """Somebody asked for a new password by mail. Of an address that no account has, `customer` is
    null: the row is there all the same, so that nobody can tell the difference by the time."""

    id = models.UUIDField(primary_key=True, default=new_id)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, null=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "password_reset"
        indexes = (models.Index(fields=["created_at"], name="password_reset_age"),)


class EmailChange(models.Model):
    """An address that was replaced by another, for a day. `former` is empty once it was told."""

    id = models.UUIDField(primary_key=True, default=new_id)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, db_index=False)
    former = models.EmailField(max_length=MAX_EMAIL_LENGTH, blank=True)
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "email_change"
        indexes = (
            models.Index(fields=["changed_at"], name="email_change_age"),
            models.Index(fields=["customer", "changed_at"], name="email_change_of_customer"),
        )


class Address(models.Model):
    """Where a customer has things sent, by a label of their own; the rest as in an order's
    `ship_to`. It goes with the account."""

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
