from django.db import migrations

from larder.db.database import run_file


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_tables")]

    operations = [run_file(__file__, "rules.sql")]
