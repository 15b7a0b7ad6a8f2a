-- Glances: the newest page of shifts, one request, so that what is new is there within minutes.
ALTER TABLE integration.connections
    ADD COLUMN next_glance_at timestamptz NOT NULL DEFAULT 'infinity',
    ADD COLUMN glance_failures integer NOT NULL DEFAULT 0,
    ADD COLUMN glance_jobs integer,
    ADD COLUMN working_hours jsonb,
    ADD COLUMN session_timeout_s integer;
CREATE INDEX connections_glance_due ON integration.connections (next_glance_at) WHERE state = 'connected';
COMMENT ON COLUMN integration.connections.next_glance_at IS 'When the newest page of shifts is looked at next; infinity until everything was read once.';
COMMENT ON COLUMN integration.connections.glance_failures IS 'Glances in a row that failed; each makes the pause to the next one twice as long.';
COMMENT ON COLUMN integration.connections.glance_jobs IS 'The most jobs that a glance asks for, where longer lists were refused; null: all.';
COMMENT ON COLUMN integration.connections.working_hours IS 'When its people work, learned from shifts: minutes of the local day, first and last, by weekday (0 is Monday); null: too few shifts.';
COMMENT ON COLUMN integration.connections.session_timeout_s IS 'After how long without a request a session ends, as the account states it.';
ALTER TABLE integration.runs
    DROP CONSTRAINT runs_read_check,
    ADD CONSTRAINT runs_read_check CHECK (read IN ('initial', 'full', 'recent', 'backfill', 'glance'));
COMMENT ON TABLE integration.runs IS 'Every read of a company''s account, newest run_seq last. A glance is here only if it published something.';
