from django.db import migrations

from larder.db.database import run_file

# Permissions and roles as they were then: a later change of them has a migration of its own. Each
# permission has its model and the name that Django gives it after the last migration.
PERMISSIONS = {
    "catalog.view_product": ("product", "Can see products in the admin"),
    "catalog.add_product": ("product", "Can add products, with their opening stock"),
    "catalog.change_product": ("product", "Can change products and prices"),
    "catalog.delete_product": ("product", "Can archive products"),
    "catalog.view_category": ("category", "Can see categories in the admin"),
    "catalog.add_category": ("category", "Can add categories"),
    "catalog.change_category": ("category", "Can change categories"),
    "catalog.delete_category": ("category", "Can delete categories"),
    "inventory.view_ledgerentry": ("ledgerentry", "Can see the ledger of a product"),
    "inventory.view_adjustment": ("adjustment", "Can see adjustments of stock"),
    "inventory.add_adjustment": ("adjustment", "Can adjust stock"),
    "orders.view_order": ("order", "Can see the orders of all customers"),
    "orders.add_order": ("order", "Can place and abandon orders for customers"),
    "orders.confirm_order": ("order", "Can confirm orders that await their payment"),
    "orders.change_order": ("order", "Can change lines and details of orders"),
    "orders.cancel_order": ("order", "Can cancel orders"),
    "orders.pack_order": ("order", "Can pack orders"),
    "orders.ship_order": ("order", "Can ship orders"),
    "orders.deliver_order": ("order", "Can mark orders as delivered"),
    "orders.return_order": ("order", "Can book returned units"),
    "orders.export_order": ("order", "Can export the orders of all customers"),
    "orders.record_payment": ("payment", "Can record payments of orders"),
    "orders.view_refunddue": ("refunddue", "Can view refund due"),
    "identity.view_customer": ("customer", "Can see all customers"),
    "identity.add_customer": ("customer", "Can add customers"),
    "identity.change_customer": ("customer", "Can change customers, and set their passwords"),
    "identity.delete_customer": ("customer", "Can delete customers' accounts"),
    "identity.manage_rights": ("customer", "Can make accounts staff, and give them roles"),
    "identity.view_auditentry": ("auditentry", "Can see the audit trail"),
    "identity.view_key": ("key", "Can see the API keys of all accounts"),
    "identity.delete_key": ("key", "Can end API keys of other accounts"),
}
ROLES = {
    "viewer": [
        "catalog.view_category",
        "catalog.view_product",
        "identity.view_customer",
        "inventory.view_adjustment",
        "inventory.view_ledgerentry",
        "orders.view_order",
    ],
    "warehouse": [
        "catalog.view_category",
        "catalog.view_product",
        "inventory.add_adjustment",
        "inventory.view_adjustment",
        "inventory.view_ledgerentry",
        "orders.deliver_order",
        "orders.pack_order",
        "orders.return_order",
        "orders.ship_order",
        "orders.view_order",
    ],
    "catalogue": [
        "catalog.add_category",
        "catalog.add_product",
        "catalog.change_category",
        "catalog.change_product",
        "catalog.delete_category",
        "catalog.delete_product",
        "catalog.view_category",
        "catalog.view_product",
    ],
    "support": [
        "catalog.view_category",
        "catalog.view_product",
        "identity.add_customer",
        "identity.change_customer",
        "identity.delete_customer",
        "identity.view_customer",
        "inventory.view_adjustment",
        "inventory.view_ledgerentry",
        "orders.add_order",
        "orders.cancel_order",
        "orders.change_order",
        "orders.confirm_order",
        "orders.export_order",
        "orders.record_payment",
        "orders.view_order",
        "orders.view_refunddue",
    ],
    "owner": list(PERMISSIONS),
}


def make_roles(apps, schema_editor):
    """Makes the roles, with permissions that Django itself makes only after the last migration."""
    database = schema_editor.connection.alias
    content_types = apps.get_model("contenttypes", "ContentType").objects.using(database)
    permissions = apps.get_model("auth", "Permission").objects.using(database)
    rows = {}
    for name, (model, title) in PERMISSIONS.items():
        app, _, codename = name.partition(".")
        kind, _ = content_types.get_or_create(app_label=app, model=model)
        rows[name], _ = permissions.get_or_create(
            content_type=kind, codename=codename, defaults={"name": title}
        )
    for role, names in ROLES.items():
        group = apps.get_model("auth", "Group").objects.using(database).create(name=role)
        group.permissions.add(*(rows[name] for name in names))


def remove_roles(apps, schema_editor):
    database = schema_editor.connection.alias
    apps.get_model("auth", "Group").objects.using(database).filter(name__in=ROLES).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("identity", "0001_tables"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        run_file(__file__, "rules.sql"),
        migrations.RunPython(make_roles, remove_roles),
    ]
