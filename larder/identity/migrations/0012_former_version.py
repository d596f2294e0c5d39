from django.db import migrations

# A process of the version before epochs takes a session for live unless it has ended itself. So
# where an epoch is raised, the sessions that it ends are marked too: as ended at their last use, so
# that they are not listed again. The limit bounds the write; no account gets as many any more.
MARK_ENDED = """
CREATE FUNCTION identity.mark_ended_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE identity.session SET ended_at = rotated_at
    WHERE id = ANY(ARRAY(
        SELECT id FROM identity.session
        WHERE customer_id = NEW.id AND epoch = OLD.session_epoch AND ended_at IS NULL
        LIMIT 1000
    )) AND ended_at IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER mark_ended_sessions AFTER UPDATE OF is_active, session_epoch ON identity.customer
FOR EACH ROW WHEN (NEW.session_epoch > OLD.session_epoch)
EXECUTE FUNCTION identity.mark_ended_sessions();
"""

# Such a process opens sessions without an epoch.
SET_EPOCH = """
CREATE FUNCTION identity.set_session_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.epoch := greatest(
        NEW.epoch, (SELECT session_epoch FROM identity.customer WHERE id = NEW.customer_id)
    );
    RETURN NEW;
END $$;
CREATE TRIGGER set_session_epoch BEFORE INSERT ON identity.session
FOR EACH ROW EXECUTE FUNCTION identity.set_session_epoch();
"""

DROP_BOTH = """
DROP FUNCTION identity.set_session_epoch() CASCADE;
DROP FUNCTION identity.mark_ended_sessions() CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("identity", "0011_session_indexes")]

    operations = [migrations.RunSQL(MARK_ENDED + SET_EPOCH, DROP_BOTH)]
