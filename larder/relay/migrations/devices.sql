-- A log-out, however it is done, ends the messages to the device; an expired session does not. The
-- functions have the rights of the owner: the server's role gets its own after the migration.
CREATE FUNCTION notifications.forget_devices() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    DELETE FROM notifications.device WHERE credential = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER forget_devices AFTER UPDATE OF ended_at ON identity.session
FOR EACH ROW WHEN (NEW.ended_at IS NOT NULL) EXECUTE FUNCTION notifications.forget_devices();
CREATE TRIGGER forget_devices AFTER UPDATE OF ended_at ON identity.key
FOR EACH ROW WHEN (NEW.ended_at IS NOT NULL) EXECUTE FUNCTION notifications.forget_devices();

-- An account that is deactivated or deleted is told nothing any more.
CREATE FUNCTION notifications.forget_customer() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    DELETE FROM notifications.device WHERE customer_id = NEW.id;
    DELETE FROM notifications.watch WHERE customer_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER forget_customer AFTER UPDATE OF is_active ON identity.customer
FOR EACH ROW WHEN (NOT NEW.is_active) EXECUTE FUNCTION notifications.forget_customer();
