from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("identity", "0030_names")]

    operations = [
        migrations.RunSQL(
            "DELETE FROM identity.one_time_code WHERE purpose <> 'recovery'",
            migrations.RunSQL.noop,
        ),
        migrations.RemoveField(model_name="onetimecode", name="purpose"),
        migrations.RemoveField(model_name="onetimecode", name="expires_at"),
        migrations.RemoveConstraint(model_name="onetimecode", name="one_time_code_unique"),
        migrations.RenameModel("OneTimeCode", "RecoveryCode"),
        migrations.AlterModelTable("recoverycode", "recovery_code"),
        migrations.AddConstraint(
            model_name="recoverycode",
            constraint=models.UniqueConstraint(
                fields=("customer", "digest"), name="recovery_code_unique"
            ),
        ),
    ]
