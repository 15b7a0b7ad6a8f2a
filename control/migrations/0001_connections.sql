-- Connections of companies to Buildertrend accounts, their sealed secrets and their leases.
CREATE TABLE integration.connections (
    company_id text PRIMARY KEY CHECK (company_id <> '' AND company_id NOT LIKE '%/%' AND company_id <> '*'),
    username text NOT NULL CHECK (username <> ''),
    time_zone text NOT NULL CHECK (time_zone <> ''),
    import_from date,
    state text NOT NULL CHECK (state IN ('connecting', 'connected', 'needs-attention', 'paused', 'disconnected')),
    fault text,
    message text,
    builder_id text,
    builder_name text,
    run_seq bigint NOT NULL DEFAULT 0,
    initial_done_at timestamptz,
    last_full_at timestamptz,
    last_success_at timestamptz,
    next_due_at timestamptz NOT NULL DEFAULT now(),
    lease_owner text,
    lease_epoch bigint NOT NULL DEFAULT 0,
    lease_expires_at timestamptz NOT NULL DEFAULT '-infinity',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX connections_due ON integration.connections (next_due_at) WHERE state IN ('connecting', 'connected');
COMMENT ON TABLE integration.connections IS 'One row a company: which Buildertrend account it reads, how that goes, and which poller has it now.';
COMMENT ON COLUMN integration.connections.username IS 'Buildertrend username, spaces before and after removed.';
COMMENT ON COLUMN integration.connections.time_zone IS 'IANA name; Buildertrend states local times without a zone.';
COMMENT ON COLUMN integration.connections.import_from IS 'First local day of shifts to read; null: everything.';
COMMENT ON COLUMN integration.connections.state IS 'connecting until the first sign-in; needs-attention stops all sign-ins until the credentials change.';
COMMENT ON COLUMN integration.connections.fault IS 'Name of the fault of the last run; null when it went well.';
COMMENT ON COLUMN integration.connections.message IS 'That fault in a sentence for the admin.';
COMMENT ON COLUMN integration.connections.builder_id IS 'Buildertrend''s id of the account; a sign-in that shows another one is refused.';
COMMENT ON COLUMN integration.connections.run_seq IS 'Number of runs begun; the upper part of every version of this company.';
COMMENT ON COLUMN integration.connections.lease_epoch IS 'Raised with every lease; writes of an older epoch are refused.';

CREATE TABLE integration.credentials (
    company_id text NOT NULL REFERENCES integration.connections ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('password', 'session')),
    key_id text NOT NULL,
    sealed bytea NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, kind)
);
COMMENT ON TABLE integration.credentials IS 'Secrets sealed with HPKE to the poller''s public key and bound to their row.';
COMMENT ON COLUMN integration.credentials.sealed IS 'Opens only with the private key of key_id and only for this company and kind.';
