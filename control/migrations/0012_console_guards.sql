-- A Reconnect keeps the credentials before it until the new ones signed in; attempts are counted atomically; the audit is
-- append only, and what became of a command is read from the command itself.
ALTER TABLE integration.credentials
    DROP CONSTRAINT credentials_kind_check,
    ADD CONSTRAINT credentials_kind_check CHECK (kind IN ('password', 'session', 'previous-password', 'previous-session'));
COMMENT ON COLUMN integration.credentials.kind IS 'What it is; previous-… is that of before a Reconnect, sealed as the plain kind, and goes when the new one signed in.';

ALTER TABLE integration.connections
    ADD COLUMN previous_username text,
    ADD COLUMN previous_time_zone text,
    ADD COLUMN previous_import_from date,
    ADD COLUMN refused_username text,
    ADD COLUMN refused_fault text,
    ADD COLUMN refused_message text,
    ADD COLUMN refused_at timestamptz;
COMMENT ON COLUMN integration.connections.previous_username IS 'That of previous-password, and so the other previous_ columns; null where there is none to go back to.';
COMMENT ON COLUMN integration.connections.refused_at IS 'When credentials of a Reconnect were refused and those before put back; refused_… says which and why; null again with the next ones.';

DROP TABLE integration.console_attempts;
CREATE TABLE integration.console_tries (
    kind text NOT NULL CHECK (kind IN ('sign-in', 'connect', 'openid')),
    subject text NOT NULL,
    tries integer NOT NULL,
    tried_at timestamptz NOT NULL,
    free_at timestamptz NOT NULL,
    PRIMARY KEY (kind, subject)
);
CREATE INDEX console_tries_old ON integration.console_tries (tried_at);
COMMENT ON TABLE integration.console_tries IS 'What is limited: sign-ins by address, by address and e-mail and by known device; Connects by company.';
COMMENT ON COLUMN integration.console_tries.tries IS 'In a row; each beyond those that are free is followed by a longer pause.';
COMMENT ON COLUMN integration.console_tries.free_at IS 'No other try before.';

CREATE TABLE integration.audit_outcomes (
    command_id uuid PRIMARY KEY,
    outcome text NOT NULL CHECK (outcome IN ('completed', 'failed', 'rejected', 'cancelled')),
    message text,
    at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE integration.audit_outcomes IS 'What became of commands that never reached the poller; of all others integration.commands says it.';
INSERT INTO integration.audit_outcomes (command_id, outcome, message, at)
    SELECT command_id, outcome, outcome_message, outcome_at FROM integration.audit
    WHERE command_id IS NOT NULL AND outcome_at IS NOT NULL AND outcome <> 'accepted';
DROP INDEX integration.audit_open;
ALTER TABLE integration.audit DROP COLUMN outcome, DROP COLUMN outcome_message, DROP COLUMN outcome_at;

CREATE FUNCTION integration.keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Retention: the owner of the table, who says so in the same transaction.
    IF TG_OP = 'DELETE' AND current_setting('integration.audit_retention', true) = 'on'
        AND pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the audit is append only' USING ERRCODE = 'insufficient_privilege';
END
$$;
COMMENT ON FUNCTION integration.keep_audit IS 'Refuses to change or remove lines of the audit; its owner may delete after SET LOCAL integration.audit_retention = ''on''.';
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON integration.audit
    FOR EACH STATEMENT EXECUTE FUNCTION integration.keep_audit();
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON integration.audit_outcomes
    FOR EACH STATEMENT EXECUTE FUNCTION integration.keep_audit();
