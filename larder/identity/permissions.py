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
    "relay.manage_endpoint": _("manage webhooks"),
}
"""Each permission with what it allows. The last part of a codename is its model."""

ALL = frozenset(PERMISSIONS)

NO_PERMISSIONS: frozenset[str] = frozenset()

ROLES_FOR: Mapping[str, str] = {
    "viewer": _("people who look at everything and change nothing"),
    "warehouse": _("stock, packing, shipping, deliveries and returns"),
    "catalogue": _("products, prices and categories"),
    "support": _("customers and their orders"),
    "owner": _("everything, and the rights of others"),
}
"""What each role is for that a colleague may be given. The migrations create the roles, for an
owner to change; a permission that is added later needs a migration that adds it to the roles."""
