import django.db.models.deletion
from django.db import migrations, models

# No row is deleted to which a row without a foreign key leads (ADR 74).
NEVER_DELETED = """
CREATE FUNCTION inventory.refuse_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a row of % is never deleted, and keeps its key', TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER never_deleted BEFORE DELETE OR UPDATE OF product_id ON inventory.stock
FOR EACH ROW EXECUTE FUNCTION inventory.refuse_deletion();
"""


class Migration(migrations.Migration):
    # One table at a time is locked, for a moment.
    atomic = False

    dependencies = [("inventory", "0010_crossings")]

    operations = [
        migrations.RunSQL(NEVER_DELETED, "DROP FUNCTION inventory.refuse_deletion() CASCADE"),
        migrations.AlterField(
            model_name="ledgerentry",
            name="product",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                to="inventory.stock",
            ),
        ),
        migrations.AlterField(
            model_name="heldline",
            name="product",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="inventory.stock",
            ),
        ),
    ]
