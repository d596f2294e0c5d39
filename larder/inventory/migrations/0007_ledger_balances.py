from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations
from django.db.models import CheckConstraint, Q


class Migration(migrations.Migration):
    dependencies = [("inventory", "0006_note")]

    operations = [
        AddConstraintNotValid(
            model_name="ledgerentry",
            constraint=CheckConstraint(
                condition=Q(available_after__gte=0, committed_after__gte=0),
                name="ledger_entry_balances",
            ),
        ),
    ]
