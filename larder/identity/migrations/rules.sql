-- Deactivating an account, however it is done, ends its sessions and keys.
CREATE FUNCTION identity.end_credentials() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE identity.session SET ended_at = clock_timestamp()
    WHERE customer_id = NEW.id AND ended_at IS NULL;
    UPDATE identity.key SET ended_at = clock_timestamp()
    WHERE customer_id = NEW.id AND ended_at IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER end_credentials AFTER UPDATE OF is_active ON identity.customer
FOR EACH ROW WHEN (OLD.is_active AND NOT NEW.is_active)
EXECUTE FUNCTION identity.end_credentials();

-- The audit trail is append-only for every role. The one exception is the retention: a transaction
-- of the table's owner that names the beginning of a month deletes what is older, and only that.
CREATE FUNCTION identity.refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    month text := nullif(current_setting('larder.audit_before', true), '');
BEGIN
    IF TG_OP = 'DELETE' AND month IS NOT NULL
        AND month::timestamptz = date_trunc('month', month::timestamptz, 'UTC')
        AND OLD.at < month::timestamptz
        AND pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE')
    THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON identity.audit_entry
FOR EACH ROW EXECUTE FUNCTION identity.refuse_audit_change();

-- Notes are never changed. They are deleted with the account.
CREATE FUNCTION identity.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is never changed', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER never_changed BEFORE UPDATE ON identity.note
FOR EACH ROW EXECUTE FUNCTION identity.refuse_change();
