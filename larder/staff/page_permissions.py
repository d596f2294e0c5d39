"""The permissions that pages of the admin and actions of its lists need, for the audit trail of
refused ones.

The pages check them separately. tests/staff/test_page_permissions.py compares both.
"""

from collections.abc import Mapping

_NAMED: Mapping[str, tuple[str, ...]] = {
    "catalog_product_adjust_stock": ("inventory.add_adjustment",),
    "catalog_product_archive": ("catalog.delete_product",),
    "catalog_product_restore": ("catalog.delete_product",),
    "catalog_product_import_file": ("catalog.add_product", "catalog.change_product"),
    "catalog_product_ledger": ("inventory.view_ledgerentry",),
    "inventory_adjustment_products": ("inventory.add_adjustment",),
    "inventory_stock_adjust_stock": ("inventory.add_adjustment",),
    "inventory_stock_count": ("inventory.add_adjustment",),
    "inventory_stock_check_count": ("inventory.add_adjustment",),
    "inventory_stock_discard_count": ("inventory.add_adjustment",),
    "inventory_stock_ledger": ("inventory.view_ledgerentry",),
    "catalog_product_export": ("catalog.view_product",),
    "inventory_stock_export": ("inventory.view_stock",),
    # Django's page for a new user has a button that goes on to change it.
    "identity_customer_add": ("identity.add_customer", "identity.change_customer"),
    "identity_customer_invite": (
        "identity.add_customer",
        "identity.change_customer",
        "identity.manage_rights",
    ),
    "auth_user_password_change": ("identity.change_customer",),
    "identity_customer_note": ("identity.change_customer",),
    "identity_customer_set_password": ("identity.change_customer",),
    "identity_customer_password_link": ("identity.change_customer",),
    "identity_customer_reset_factor": ("identity.manage_rights",),
    "identity_customer_enrol_code": ("identity.manage_rights",),
    "orders_order_address_label": ("orders.view_order",),
    "orders_order_addresses": ("identity.view_customer", "orders.add_order"),
    "orders_order_edit": ("orders.change_order",),
    "orders_order_note": ("orders.change_order",),
    "orders_order_packing_slip": ("orders.view_order",),
    "orders_order_pick_list": ("orders.view_order",),
    "orders_order_products": ("orders.view_order",),
    "orders_order_take_back": ("orders.return_order",),
    "orders_order_change_own_tags": ("orders.change_order",),
    "orders_order_change_tags": ("orders.change_order",),
    "catalog_product_change_tags": ("catalog.change_product",),
    "orders_order_track": ("orders.change_order",),
    "orders_order_unpack": ("orders.pack_order",),
    "orders_order_unship": ("orders.ship_order",),
    "orders_order_telephone": ("orders.add_order",),
    "orders_order_accounting": ("orders.export_order",),
    "catalog_product_archive_selected": ("catalog.delete_product",),
    "catalog_product_restore_selected": ("catalog.delete_product",),
    "catalog_product_change_prices": ("catalog.change_product",),
    "identity_key_end_selected": ("identity.delete_key",),
    "orders_order_mark_packed": ("orders.pack_order",),
    "orders_order_mark_shipped": ("orders.ship_order",),
    "orders_order_mark_delivered": ("orders.deliver_order",),
    "orders_order_print_pick_list": ("orders.view_order",),
    "orders_order_print_packing_slips": ("orders.view_order",),
    "orders_order_print_address_labels": ("orders.view_order",),
}
"""The permissions of the pages and actions whose names do not say them."""

_READ = {"changelist", "history"}


def needed(page: str, method: str = "GET") -> tuple[str, ...]:
    """Returns the permissions that open a page, such as `catalog_product_change`, or that send its
    form."""
    if page in _NAMED:
        return _NAMED[page]
    app, _, rest = page.partition("_")
    model, _, action = rest.partition("_")
    if app == "auth":
        return ("identity.manage_rights",)
    is_read = action in _READ or (action == "change" and method == "GET")
    return (f"{app}.{'view' if is_read else action}_{model}",)
