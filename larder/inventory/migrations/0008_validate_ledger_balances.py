from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    # Rows are read while the shop is open, without a lock against writes.
    atomic = False

    dependencies = [("inventory", "0007_ledger_balances")]

    operations = [ValidateConstraint(model_name="ledgerentry", name="ledger_entry_balances")]
