-- Console users and their sessions, limits of attempts, the audit of changes, and the confirmation of another account.
CREATE TABLE integration.console_users (
    user_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email text NOT NULL UNIQUE CHECK (email = lower(email) AND email LIKE '%_@_%'),
    name text NOT NULL CHECK (name <> ''),
    role text NOT NULL CHECK (role IN ('admin', 'operator', 'viewer')),
    company_id text CHECK (company_id <> '' AND company_id NOT LIKE '%/%' AND company_id <> '*'),
    password_hash text,
    issuer text,
    subject text,
    created_at timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz,
    last_sign_in_at timestamptz,
    UNIQUE (issuer, subject),
    CONSTRAINT console_users_admin_has_company CHECK (role <> 'admin' OR company_id IS NOT NULL),
    CONSTRAINT console_users_operator_has_none CHECK (role <> 'operator' OR company_id IS NULL)
);
COMMENT ON TABLE integration.console_users IS 'Who may sign in to the console.';
COMMENT ON COLUMN integration.console_users.role IS 'admin changes one company, operator everything, viewer only looks.';
COMMENT ON COLUMN integration.console_users.company_id IS 'The one company that is seen; null: all.';
COMMENT ON COLUMN integration.console_users.password_hash IS 'Argon2id; null: signs in with OpenID Connect alone.';
COMMENT ON COLUMN integration.console_users.subject IS 'Of the OpenID provider (issuer), bound at the first sign-in with it.';

CREATE TABLE integration.console_sessions (
    token_hash bytea PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES integration.console_users ON DELETE CASCADE,
    began_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX console_sessions_by_user ON integration.console_sessions (user_id);
COMMENT ON TABLE integration.console_sessions IS 'Signed-in browsers.';
COMMENT ON COLUMN integration.console_sessions.token_hash IS 'SHA-256 of the cookie: who reads this table cannot sign in with it.';

CREATE TABLE integration.console_attempts (
    kind text NOT NULL CHECK (kind IN ('sign-in', 'connect')),
    subject text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX console_attempts_recent ON integration.console_attempts (kind, subject, at);
COMMENT ON TABLE integration.console_attempts IS 'What is limited: failed sign-ins by address and by e-mail, Connects by company.';

CREATE TABLE integration.audit (
    audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    user_id uuid,
    who text NOT NULL,
    company_id text,
    action text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    command_id uuid UNIQUE,
    outcome text CHECK (outcome IN ('accepted', 'completed', 'failed', 'rejected', 'cancelled')),
    outcome_message text,
    outcome_at timestamptz
);
CREATE INDEX audit_by_company ON integration.audit (company_id, audit_id DESC);
CREATE INDEX audit_open ON integration.audit (at) WHERE command_id IS NOT NULL AND outcome_at IS NULL;
COMMENT ON TABLE integration.audit IS 'Every change made in the console: who, what, when, and what became of it.';
COMMENT ON COLUMN integration.audit.detail IS 'What exactly, such as a reason; never a secret.';
COMMENT ON COLUMN integration.audit.command_id IS 'The sync command that was sent for it.';
COMMENT ON COLUMN integration.audit.outcome IS 'What the poller said about the command: accepted, then its terminal event.';
COMMENT ON COLUMN integration.audit.outcome_at IS 'When the terminal event came; null before.';

ALTER TABLE integration.connections
    ADD COLUMN pending_builder_id text,
    ADD COLUMN pending_builder_name text,
    ADD COLUMN accept_builder_id text;
COMMENT ON COLUMN integration.connections.pending_builder_id IS 'Another account than before, which the new username belongs to; waits for a confirmation.';
COMMENT ON COLUMN integration.connections.accept_builder_id IS 'The other account that somebody confirmed: the next sign-in to it is taken.';
