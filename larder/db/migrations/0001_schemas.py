from django.db import migrations

from larder.db.database import make_schemas


class Migration(migrations.Migration):
    initial = True
    dependencies: list[tuple[str, str]] = []
    operations = [make_schemas()]
