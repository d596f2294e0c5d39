"""The names of models and fields, translated for the admin alone: the models themselves are in
English, because APIs and migrations have their names too. Beside them other texts of the modules
below that the admin shows."""

from django.apps import apps
from django.contrib import admin
from django.utils.translation import gettext_noop

from larder.staff.language import gettext_lazy


def translate_names() -> None:
    """Makes the names and help texts of all models of the admin translatable."""
    for app in apps.get_app_configs():
        _translate(app, "verbose_name")
    for model in admin.site._registry:
        _translate(model._meta, "verbose_name", "verbose_name_plural")
        for field in (*model._meta.fields, *model._meta.many_to_many):
            _translate(field, "verbose_name", "help_text")


def _translate(owner: object, *names: str) -> None:
    for name in names:
        text = getattr(owner, name, "")
        if text:
            setattr(owner, name, gettext_lazy(str(text)))


NAMES = (
    gettext_noop("Catalog"),
    gettext_noop("Inventory"),
    gettext_noop("Orders"),
    gettext_noop("Identity"),
    gettext_noop("category"),
    gettext_noop("categories"),
    gettext_noop("parent"),
    gettext_noop("tags"),
    gettext_noop("Labels for staff, with commas between them. Customers do not see them."),
    gettext_noop("version"),
    gettext_noop("id"),
    gettext_noop("ID"),
    gettext_noop("name"),
    gettext_noop("refund due"),
    gettext_noop("refunds due"),
    gettext_noop("order"),
    gettext_noop("orders"),
    gettext_noop("currency"),
    gettext_noop("amount"),
    gettext_noop("since"),
    gettext_noop("number"),
    gettext_noop("customer"),
    gettext_noop("customers"),
    gettext_noop("status"),
    gettext_noop("total"),
    gettext_noop("note"),
    gettext_noop("reference"),
    gettext_noop("ship to"),
    gettext_noop("requested for"),
    gettext_noop("created at"),
    gettext_noop("placed at"),
    gettext_noop("updated at"),
    gettext_noop("expires at"),
    gettext_noop("carrier"),
    gettext_noop("tracking number"),
    gettext_noop("authorised"),
    gettext_noop("captured"),
    gettext_noop("refunded"),
    gettext_noop("disputed"),
    gettext_noop("transaction id"),
    gettext_noop("lines fingerprint"),
    gettext_noop("rest fingerprint"),
    gettext_noop("public id"),
    gettext_noop("email"),
    gettext_noop("email since"),
    gettext_noop("email by"),
    gettext_noop("password by"),
    gettext_noop("password change"),
    gettext_noop("is active"),
    gettext_noop("is staff"),
    gettext_noop("may order"),
    gettext_noop("deleted at"),
    gettext_noop("session epoch"),
    gettext_noop("group"),
    gettext_noop("groups"),
    gettext_noop("audit entry"),
    gettext_noop("audit trail"),
    gettext_noop("at"),
    gettext_noop("actor"),
    gettext_noop("channel"),
    gettext_noop("object"),
    gettext_noop("action"),
    gettext_noop("before"),
    gettext_noop("after"),
    gettext_noop("key"),
    gettext_noop("keys"),
    gettext_noop("digest"),
    gettext_noop("generation"),
    gettext_noop("last used at"),
    gettext_noop("ended at"),
    gettext_noop("ledger entry"),
    gettext_noop("ledger entries"),
    gettext_noop("product"),
    gettext_noop("products"),
    gettext_noop("available change"),
    gettext_noop("committed change"),
    gettext_noop("available after"),
    gettext_noop("committed after"),
    gettext_noop("cause"),
    gettext_noop("SKU"),
    gettext_noop("description"),
    gettext_noop("price"),
    gettext_noop("unit"),
    gettext_noop("barcode"),
    gettext_noop("sku twin"),
    gettext_noop("username twin"),
    gettext_noop("image url"),
    gettext_noop("min quantity"),
    gettext_noop("max per order"),
    gettext_noop("step"),
    gettext_noop("tax rate"),
    gettext_noop("shelf place"),
    gettext_noop("low stock threshold"),
    gettext_noop("archived at"),
    gettext_noop("search text"),
    gettext_noop("stock"),
    gettext_noop("available"),
    gettext_noop("committed"),
    gettext_noop("next expiry"),
    gettext_noop("adjustment"),
    gettext_noop("adjustments"),
    gettext_noop("reason"),
)
"""Names of apps, models and fields, as Django makes them."""

SITE = gettext_noop("Products, stock and orders")
"""What the sidebar has below the name of the shop (UNFOLD in the settings)."""

HELP = (
    gettext_noop("Without it the customer cannot log in; open sessions end."),
    gettext_noop("May use the admin and staff requests."),
    gettext_noop("May place orders."),
    gettext_noop("Of one unit, tax included."),
    gettext_noop("piece, kg, case of 6"),
    gettext_noop("The fewest units of an order line."),
    gettext_noop("The most units of an order line; empty for no limit."),
    gettext_noop("Order lines are multiples of this."),
    gettext_noop(
        "Percent of tax in the price, such as 20; empty if none is known. New orders keep it."
    ),
    gettext_noop("Where it is in the warehouse, such as A-12-3. Customers do not see it."),
    gettext_noop("The stock is low at or below this number of available units; empty for never."),
)
"""Help texts of fields."""

OF_PRODUCTS = (
    gettext_noop("What an order line may hold"),
    gettext_noop("In the warehouse"),
    gettext_noop("Picture"),
    gettext_noop("More"),
    gettext_noop("Expected more than spaces."),
    gettext_noop("Expected one line of text without spaces at its ends."),
    gettext_noop("Expected an amount with at most three decimals, such as 2.55."),
    gettext_noop("Expected percent from 0 to 100 with at most two decimals, such as 20.00."),
    gettext_noop("Expected an http or https address, or an empty text."),
)
"""Sections of the form of a product, and what its fields expect (larder/catalog/fields.py)."""

RIGHTS = (
    gettext_noop("see products in the admin"),
    gettext_noop("add products, with their opening stock"),
    gettext_noop("change products and prices"),
    gettext_noop("archive products"),
    gettext_noop("see categories in the admin"),
    gettext_noop("add categories"),
    gettext_noop("change categories"),
    gettext_noop("delete categories"),
    gettext_noop("see the stock in the admin"),
    gettext_noop("see the ledger of a product"),
    gettext_noop("see adjustments of stock"),
    gettext_noop("adjust stock"),
    gettext_noop("see the orders of all customers"),
    gettext_noop("place and abandon orders for customers"),
    gettext_noop("confirm orders that await their payment"),
    gettext_noop("change lines and details of orders"),
    gettext_noop("cancel orders"),
    gettext_noop("pack orders"),
    gettext_noop("ship orders"),
    gettext_noop("mark orders as delivered"),
    gettext_noop("book returned units"),
    gettext_noop("export the orders of all customers"),
    gettext_noop("record payments of orders"),
    gettext_noop("see the refunds that are due"),
    gettext_noop("see all customers"),
    gettext_noop("add customers"),
    gettext_noop("change customers, and set their passwords"),
    gettext_noop("delete customers' accounts"),
    gettext_noop("make accounts staff, and give them roles"),
    gettext_noop("see the audit trail"),
    gettext_noop("see the API keys of all accounts"),
    gettext_noop("end API keys of other accounts"),
    gettext_noop("people who look at everything and change nothing"),
    gettext_noop("stock, packing, shipping, deliveries and returns"),
    gettext_noop("products, prices and categories"),
    gettext_noop("customers and their orders"),
    gettext_noop("everything, and the rights of others"),
)
"""What permissions allow, and what roles are for (larder/identity/permissions.py)."""

RECORDED = (
    gettext_noop("personal data"),
    gettext_noop("quantities"),
    gettext_noop("quantity"),
    gettext_noop("roles"),
    gettext_noop("factor"),
    gettext_noop("left"),
    gettext_noop("internal note"),
    gettext_noop("line"),
    gettext_noop("lines"),
    gettext_noop("permission"),
    gettext_noop("mailed"),
    gettext_noop("derived"),
    gettext_noop("kind"),
    gettext_noop("provider"),
    gettext_noop("intent"),
    gettext_noop("password"),
    gettext_noop("username"),
    gettext_noop("first name"),
    gettext_noop("last name"),
    gettext_noop("permissions"),
    gettext_noop("filters"),
    gettext_noop("searched"),
    gettext_noop("rows"),
)
"""Names in the audit trail that no field has."""
