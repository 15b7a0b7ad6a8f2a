-- Reads that go on from a checkpoint, what is complete through when, held deletions, pauses and bounded sign-ins.
ALTER TABLE integration.runs
    ADD COLUMN first_seq bigint,
    ADD COLUMN attempts integer NOT NULL DEFAULT 1,
    ADD COLUMN scope jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN attempted_at timestamptz NOT NULL DEFAULT now(),
    DROP CONSTRAINT runs_read_check,
    ADD CONSTRAINT runs_read_check CHECK (read IN ('initial', 'full', 'recent', 'backfill'));
UPDATE integration.runs SET first_seq = run_seq;
ALTER TABLE integration.runs ALTER COLUMN first_seq SET NOT NULL;
CREATE UNIQUE INDEX runs_one_running ON integration.runs (company_id) WHERE state = 'running';
COMMENT ON COLUMN integration.runs.run_seq IS 'Of its newest attempt: each goes on under a new one, so that versions only grow.';
COMMENT ON COLUMN integration.runs.first_seq IS 'Of its first attempt; a version of this run has its upper part in first_seq..run_seq.';
COMMENT ON COLUMN integration.runs.attempts IS 'How often it was begun or gone on with.';
COMMENT ON COLUMN integration.runs.scope IS 'What it reads: jobs (all, open), from_day, to_day, entities. A run goes on only with the same scope.';
COMMENT ON COLUMN integration.runs.attempted_at IS 'When its newest attempt began.';

CREATE TABLE integration.read_checkpoints (
    run_id uuid NOT NULL REFERENCES integration.runs ON DELETE CASCADE,
    entity text NOT NULL,
    began_at timestamptz NOT NULL,
    pages_done integer NOT NULL DEFAULT 0,
    pages_total integer,
    state text NOT NULL DEFAULT 'reading' CHECK (state IN ('reading', 'read', 'complete', 'held')),
    mark jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (run_id, entity)
);
COMMENT ON TABLE integration.read_checkpoints IS 'Where each entity''s read of a run stands; the ids of its pages are in run_pages.';
COMMENT ON COLUMN integration.read_checkpoints.state IS 'reading its pages; read: all pages taken, deletions to be looked for; complete; held: complete, its deletions held.';
COMMENT ON COLUMN integration.read_checkpoints.mark IS 'What the source''s adapter wants to know again when the read goes on.';

CREATE TABLE integration.entity_reads (
    company_id text NOT NULL REFERENCES integration.connections ON DELETE CASCADE,
    entity text NOT NULL,
    complete_through timestamptz NOT NULL,
    from_day date,
    run_id uuid NOT NULL,
    whole_through timestamptz,
    whole_run_id uuid,
    PRIMARY KEY (company_id, entity)
);
COMMENT ON TABLE integration.entity_reads IS 'Up to when each entity is known to be complete.';
COMMENT ON COLUMN integration.entity_reads.complete_through IS 'Start of the newest read that came to its end: what changed in Buildertrend before is here, from from_day on.';
COMMENT ON COLUMN integration.entity_reads.from_day IS 'First local day of that read; null: everything.';
COMMENT ON COLUMN integration.entity_reads.whole_through IS 'The same for the newest read of everything (initial or full).';

CREATE TABLE integration.held_deletions (
    company_id text NOT NULL REFERENCES integration.connections ON DELETE CASCADE,
    entity text NOT NULL,
    entity_id text NOT NULL,
    run_id uuid NOT NULL,
    held_at timestamptz NOT NULL DEFAULT now(),
    released_at timestamptz,
    released_by text,
    PRIMARY KEY (company_id, entity, entity_id)
);
COMMENT ON TABLE integration.held_deletions IS 'Records that Buildertrend no longer shows and that the brake keeps; a row goes when the record returns or its deletion is published.';
COMMENT ON COLUMN integration.held_deletions.released_at IS 'When an operator let it go; the next complete read that misses it still deletes it.';

ALTER TABLE integration.connections
    ADD COLUMN hint text,
    ADD COLUMN sign_ins_unanswered integer NOT NULL DEFAULT 0,
    ADD COLUMN sign_in_begun_at timestamptz,
    ADD COLUMN yielded_at timestamptz,
    ADD COLUMN paused_by text,
    ADD COLUMN paused_reason text,
    ADD COLUMN paused_at timestamptz;
COMMENT ON COLUMN integration.connections.hint IS 'A remark for the admin beside the state, as "the password was accepted without the spaces around it".';
COMMENT ON COLUMN integration.connections.sign_ins_unanswered IS 'Sign-ins begun since the last answer to one: raised before sending, so that a crash cannot hide an attempt.';
COMMENT ON COLUMN integration.connections.sign_in_begun_at IS 'When the last sign-in was begun.';
COMMENT ON COLUMN integration.connections.yielded_at IS 'When its run made room for others that waited: it stands in the queue from then on; null once the run ended.';

ALTER TABLE integration.source_state ADD COLUMN digest bytea;
COMMENT ON COLUMN integration.source_state.digest IS 'Hash of the row''s own bytes when it was read last and of how they are read: bytes that are the same are not parsed again.';
