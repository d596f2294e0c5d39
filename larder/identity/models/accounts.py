"""Accounts, what their owners saved, and the notes of staff."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Concat, Lower, Now
from django.utils.translation import gettext_lazy as _

from larder.core.errors import AlreadyTaken
from larder.core.ids import new_id
from larder.core.limits import (
    COUNTRY_LENGTH,
    MAX_AUDITED_OBJECT_LENGTH,
    MAX_CODE_LENGTH,
    MAX_EMAIL_LENGTH,
    MAX_LABEL_LENGTH,
    MAX_PERSON_NAME_LENGTH,
    MAX_SHORT_TEXT_LENGTH,
    MAX_TEXT_LENGTH,
    MAX_USERNAME_LENGTH,
)
from larder.core.mailboxes import canonical
from larder.db.constraints import insert_unless_taken
from larder.db.fields import Fold
from larder.identity.hashers import normal_form


class CustomerManager(BaseUserManager["Customer"]):
    """Finds customers by folded name, and creates those of `createsuperuser`."""

    def get_by_natural_key(self, username: str | None) -> "Customer":
        """Returns the account with this name. Raises DoesNotExist."""
        named = self.alias(folded=Fold("username"))
        return named.get(folded=Fold(models.Value(username)))

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
        name = Fold(models.Value(customer.username))
        has_name = self.annotate(folded=Fold("username")).filter(folded=name).exists()
        raise AlreadyTaken("username" if has_name else "email")

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
    is_active = models.BooleanField(
        _("is active"),
        default=True,
        help_text=_("Without it the customer cannot log in; open sessions end."),
    )
    is_staff = models.BooleanField(
        _("is staff"), default=False, help_text=_("May use the admin and staff requests.")
    )
    may_order = models.BooleanField(_("may order"), default=True, help_text=_("May place orders."))
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

    def set_password(self, raw_password: str | None) -> None:
        super().set_password(None if raw_password is None else normal_form(raw_password))

    def check_password(self, raw_password: str | None) -> bool:
        """Returns whether this is the password, in any form of Unicode."""
        return raw_password is not None and super().check_password(normal_form(raw_password))

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
        return self.username


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
