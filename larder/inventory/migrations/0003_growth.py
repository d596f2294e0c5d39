from django.db import migrations, models

# What keeps the cost of an order from growing with the shop (docs/explain/performance.md, "Growth").

# A stock row is updated by each order of its product. With half a page free the new version lies
# beside the old one, the index is left alone, and whoever reads the page next clears it up.
# Entries of the ledger never change: they are frozen once, a part of the table at a time, however
# large it has become, and no later vacuum has to read them again.
KEEP_COST = """
ALTER TABLE inventory.stock SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE inventory.ledger_entry SET (autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 100000, autovacuum_freeze_min_age = 0);
"""
FORGET = """
ALTER TABLE inventory.stock RESET (fillfactor, autovacuum_vacuum_scale_factor);
ALTER TABLE inventory.ledger_entry RESET (autovacuum_vacuum_insert_scale_factor,
    autovacuum_vacuum_insert_threshold, autovacuum_freeze_min_age);
"""


def once(*columns: str) -> list[str]:
    """Builds the constraint beside a shop that is open, and lets it take the other's place."""
    return [
        "DROP INDEX CONCURRENTLY IF EXISTS inventory.ledger_entry_once_next",
        "CREATE UNIQUE INDEX CONCURRENTLY ledger_entry_once_next "
        f"ON inventory.ledger_entry ({', '.join(columns)})",
        "ALTER TABLE inventory.ledger_entry DROP CONSTRAINT ledger_entry_once, "
        "ADD CONSTRAINT ledger_entry_once UNIQUE USING INDEX ledger_entry_once_next",
    ]


class Migration(migrations.Migration):
    # For the index.
    atomic = False

    dependencies = [("inventory", "0002_crossings")]

    operations = [
        migrations.RunSQL(KEEP_COST, FORGET),
        # References ascend with time, products are anywhere: with the reference in front all
        # entries of a moment come into one page of the index, and each page is filled.
        migrations.RunSQL(
            once("reference", "product_id", "cause"),
            once("product_id", "cause", "reference"),
            state_operations=[
                migrations.RemoveConstraint("ledgerentry", "ledger_entry_once"),
                migrations.AddConstraint(
                    "ledgerentry",
                    models.UniqueConstraint(
                        fields=("reference", "product", "cause"), name="ledger_entry_once"
                    ),
                ),
            ],
        ),
    ]
