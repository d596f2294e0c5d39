from django.db import migrations, models

# Deactivating an account, however it is done, ends all its sessions by its epoch, and its keys. An
# epoch never falls: a save of the whole row may be of one that was read before it was raised.
RAISE_EPOCH = """
CREATE FUNCTION identity.raise_session_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.session_epoch < OLD.session_epoch THEN
        NEW.session_epoch := OLD.session_epoch;
        NEW.epoch_raised_at := OLD.epoch_raised_at;
    END IF;
    IF OLD.is_active AND NOT NEW.is_active THEN
        NEW.session_epoch := NEW.session_epoch + 1;
        NEW.epoch_raised_at := clock_timestamp();
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER raise_session_epoch BEFORE UPDATE OF is_active, session_epoch ON identity.customer
FOR EACH ROW
WHEN ((OLD.is_active AND NOT NEW.is_active) OR NEW.session_epoch < OLD.session_epoch)
EXECUTE FUNCTION identity.raise_session_epoch();
CREATE OR REPLACE FUNCTION identity.end_credentials() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE identity.key SET ended_at = clock_timestamp()
    WHERE customer_id = NEW.id AND ended_at IS NULL;
    RETURN NULL;
END $$;
"""

# What an epoch had ended is ended session by session again.
END_ONE_BY_ONE = """
UPDATE identity.session SET ended_at = clock_timestamp() FROM identity.customer
WHERE customer.id = session.customer_id AND session.epoch < customer.session_epoch
AND session.ended_at IS NULL;
DROP FUNCTION identity.raise_session_epoch() CASCADE;
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
    dependencies = [("identity", "0009_second_exchange")]

    operations = [
        migrations.AddField(
            model_name="customer",
            name="session_epoch",
            field=models.IntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="customer",
            name="epoch_raised_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="session",
            name="epoch",
            field=models.IntegerField(db_default=0, default=0),
        ),
        migrations.RunSQL(RAISE_EPOCH, END_ONE_BY_ONE),
    ]
