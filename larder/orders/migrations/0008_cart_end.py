import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from larder.db.database import move_to_schema

# Whatever submits or deletes a cart leaves its id, so that the ETag of no cart is another
# afterwards. One transaction at a time writes the row of a customer: it holds their only draft.
KEEP = """
CREATE FUNCTION orders.end_cart() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO orders.cart_end (customer_id, cart) VALUES (OLD.customer_id, OLD.id)
    ON CONFLICT (customer_id) DO UPDATE SET cart = excluded.cart;
    RETURN NULL;
END $$;
CREATE TRIGGER end_submitted_cart AFTER UPDATE OF status ON orders."order"
FOR EACH ROW WHEN (OLD.status = 'draft' AND NEW.status <> 'draft')
EXECUTE FUNCTION orders.end_cart();
CREATE TRIGGER end_deleted_cart AFTER DELETE ON orders."order"
FOR EACH ROW WHEN (OLD.status = 'draft') EXECUTE FUNCTION orders.end_cart();
"""

FORGET = "DROP FUNCTION orders.end_cart() CASCADE"


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0007_lines_of_stock"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CartEnd",
            fields=[
                (
                    "customer",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("cart", models.UUIDField()),
            ],
            options={"db_table": "cart_end"},
        ),
        move_to_schema("orders", "cart_end"),
        migrations.RunSQL(KEEP, FORGET),
    ]
