from django.db import migrations, models

# Deactivating an account, however it is done, ends its sessions and keys, and the sessions of the
# admin, which have its epoch. An epoch never falls: a save of the whole row may be of one that was
# read before it was raised.
END_BY_ROW = """
DROP FUNCTION identity.set_session_epoch() CASCADE;
DROP FUNCTION identity.mark_ended_sessions() CASCADE;
UPDATE identity.session SET ended_at = clock_timestamp() FROM identity.customer
WHERE customer.id = session.customer_id AND session.epoch < customer.session_epoch
AND session.ended_at IS NULL;
CREATE OR REPLACE FUNCTION identity.raise_session_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.session_epoch := greatest(NEW.session_epoch, OLD.session_epoch)
        + (OLD.is_active AND NOT NEW.is_active)::int;
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION identity.end_credentials() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE identity.session SET ended_at = clock_timestamp()
    WHERE customer_id = NEW.id AND ended_at IS NULL;
    UPDATE identity.key SET ended_at = clock_timestamp()
    WHERE customer_id = NEW.id AND ended_at IS NULL;
    RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("identity", "0028_folded_usernames")]

    operations = [
        migrations.RunSQL(END_BY_ROW, migrations.RunSQL.noop),
        migrations.RemoveIndex(model_name="customer", name="customer_epoch_raised"),
        migrations.RemoveIndex(model_name="session", name="session_of_account"),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(fields=["customer", "ended_at"], name="session_of_account"),
        ),
        migrations.RemoveField(model_name="customer", name="epoch_raised_at"),
        migrations.RemoveField(model_name="session", name="epoch"),
        migrations.RemoveField(model_name="session", name="exchanges"),
    ]
