"""What members of staff may do: Larder's permissions, and the roles that the migrations create.

A permission is one of Django's: a row of `auth_permission`, named `<app>.<codename>`. A role is one
of Django's groups. The admin, v1 and the earlier contracts check the same rows. An account needs
`is_staff` as well; a superuser has every permission.
"""

from collections.abc import Mapping

from django.utils.translation import gettext_noop as _

PERMISSIONS: Mapping[str, str] = {
    "catalog.view_product": _("see products in the admin"),
    "catalog.add_product": _("add products, with their opening stock"),
    "catalog.change_product": _("change products and prices"),
    "catalog.delete_product": _("archive products"),
    "catalog.view_category": _("see categories in the admin"),
    "catalog.add_category": _("add categories"),
    "catalog.change_category": _("change categories"),
    "catalog.delete_category": _("delete categories"),
    "inventory.view_ledgerentry": _("see the ledger of a product"),
    "inventory.view_adjustment": _("see adjustments of stock"),
    "inventory.add_adjustment": _("adjust stock"),
    "orders.view_order": _("see the orders of all customers"),
    "orders.add_order": _("place and abandon orders for customers"),
    "orders.confirm_order": _("confirm orders that await their payment"),
    "orders.change_order": _("change lines and details of orders"),
    "orders.cancel_order": _("cancel orders"),
    "orders.pack_order": _("pack orders"),
    "orders.ship_order": _("ship orders"),
    "orders.deliver_order": _("mark orders as delivered"),
    "orders.return_order": _("book returned units"),
    "orders.export_order": _("export the orders of all customers"),
    "orders.record_payment": _("record payments of orders"),
    "orders.view_refunddue": _("see the refunds that are due"),
    "identity.view_customer": _("see all customers"),
    "identity.add_customer": _("add customers"),
    "identity.change_customer": _("change customers, and set their passwords"),
    "identity.delete_customer": _("delete customers' accounts"),
    "identity.manage_rights": _("make accounts staff, and give them roles"),
    "identity.view_auditentry": _("see the audit trail"),
    "identity.view_key": _("see the API keys of all accounts"),
    "identity.delete_key": _("end API keys of other accounts"),
}
"""Each permission with what it allows. The last part of a codename is its model."""

ALL = frozenset(PERMISSIONS)

NO_PERMISSIONS: frozenset[str] = frozenset()

_SEE = frozenset(
    {
        *("catalog.view_product", "catalog.view_category"),
        *("inventory.view_ledgerentry", "inventory.view_adjustment"),
        "orders.view_order",
    }
)
_EDIT_CATALOGUE = frozenset(
    f"catalog.{action}_{model}"
    for action in ("add", "change", "delete")
    for model in ("product", "category")
)
_FULFIL = frozenset(f"orders.{move}_order" for move in ("pack", "ship", "deliver", "return"))
_FOR_CUSTOMERS = frozenset(
    f"orders.{action}_order" for action in ("add", "confirm", "change", "cancel", "export")
)
_PAYMENTS = frozenset({"orders.record_payment", "orders.view_refunddue"})
_EDIT_CUSTOMERS = frozenset(
    f"identity.{action}_customer" for action in ("view", "add", "change", "delete")
)

OWNER = "owner"

ROLES: Mapping[str, frozenset[str]] = {
    "viewer": _SEE | {"identity.view_customer"},
    "warehouse": _SEE | _FULFIL | {"inventory.add_adjustment"},
    "catalogue": _EDIT_CATALOGUE | {"catalog.view_product", "catalog.view_category"},
    "support": _SEE | _FOR_CUSTOMERS | _PAYMENTS | _EDIT_CUSTOMERS,
    OWNER: ALL,
}
"""The roles that migrations create, for an owner to change. A permission that is added here later
needs a migration that adds it to the roles."""

ROLES_FOR: Mapping[str, str] = {
    "viewer": _("people who look at everything and change nothing"),
    "warehouse": _("stock, packing, shipping, deliveries and returns"),
    "catalogue": _("products, prices and categories"),
    "support": _("customers and their orders"),
    OWNER: _("everything, and the rights of others"),
}
"""What each role is for that a colleague may be given, as docs/reference/permissions.md says."""
