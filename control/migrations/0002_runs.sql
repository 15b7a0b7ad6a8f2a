-- Runs, their checkpoints, what was last published, and commands.
CREATE TABLE integration.runs (
    run_id uuid PRIMARY KEY,
    company_id text NOT NULL REFERENCES integration.connections,
    run_seq bigint NOT NULL,
    read text NOT NULL CHECK (read IN ('initial', 'full', 'recent')),
    command_id uuid,
    state text NOT NULL CHECK (state IN ('running', 'completed', 'held', 'failed', 'cancelled')),
    position bigint NOT NULL DEFAULT 0,
    counts jsonb NOT NULL DEFAULT '{}',
    fault text,
    message text,
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    UNIQUE (company_id, run_seq)
);
COMMENT ON TABLE integration.runs IS 'Every read of a company''s account, newest run_seq last.';
COMMENT ON COLUMN integration.runs.position IS 'Records published so far; the lower 24 bits of their versions.';
COMMENT ON COLUMN integration.runs.counts IS 'Per entity: read, created, updated, deleted, unchanged.';

CREATE TABLE integration.run_pages (
    run_id uuid NOT NULL REFERENCES integration.runs ON DELETE CASCADE,
    entity text NOT NULL,
    page integer NOT NULL,
    entity_ids text[] NOT NULL,
    PRIMARY KEY (run_id, entity, page)
);
COMMENT ON TABLE integration.run_pages IS 'Ids that a run has seen, a row a page: the checkpoint, and what deletions are computed from.';

CREATE TABLE integration.source_state (
    company_id text NOT NULL,
    entity text NOT NULL,
    entity_id text NOT NULL,
    fingerprint bytea NOT NULL,
    version bigint NOT NULL,
    local_day date,
    parent_id text,
    PRIMARY KEY (company_id, entity, entity_id)
);
COMMENT ON TABLE integration.source_state IS 'What was last published of every record that exists in Buildertrend; a row goes when its deletion is published.';
COMMENT ON COLUMN integration.source_state.fingerprint IS 'Hash of the known source fields and the time zone; other fields cause no change.';
COMMENT ON COLUMN integration.source_state.local_day IS 'Local day of a shift''s start; null for other entities.';
COMMENT ON COLUMN integration.source_state.parent_id IS 'Job of a budget line; null for other entities.';

CREATE TABLE integration.commands (
    command_id uuid PRIMARY KEY,
    company_id text NOT NULL,
    type text NOT NULL,
    body jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'running', 'done')),
    run_id uuid,
    arrived bigint GENERATED ALWAYS AS IDENTITY,
    received_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE INDEX commands_open ON integration.commands (company_id, arrived) WHERE state <> 'done';
COMMENT ON TABLE integration.commands IS 'Sync commands by id, so that the same id twice is done once; oldest (arrived) first.';
