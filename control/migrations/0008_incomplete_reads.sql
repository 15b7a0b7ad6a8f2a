-- Reads that ended without having been shown everything, and commands that joined a read which had begun before them.
ALTER TABLE integration.read_checkpoints
    DROP CONSTRAINT read_checkpoints_state_check,
    ADD CONSTRAINT read_checkpoints_state_check CHECK (state IN ('reading', 'read', 'complete', 'incomplete', 'held'));
COMMENT ON COLUMN integration.read_checkpoints.state IS 'reading its pages; read: all pages taken, deletions to be looked for; complete; incomplete: ended, but not everything was shown; held: complete, its deletions held.';

CREATE TABLE integration.incomplete_reads (
    company_id text NOT NULL REFERENCES integration.connections ON DELETE CASCADE,
    entity text NOT NULL,
    run_id uuid NOT NULL,
    whole boolean NOT NULL,
    message text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    times integer NOT NULL DEFAULT 1,
    retry_at timestamptz,
    PRIMARY KEY (company_id, entity)
);
COMMENT ON TABLE integration.incomplete_reads IS 'Entities whose newest read ended without having been shown everything; the row goes with a complete read of as much.';
COMMENT ON COLUMN integration.incomplete_reads.whole IS 'A read of everything (initial or full) was incomplete: only another one can make it good.';
COMMENT ON COLUMN integration.incomplete_reads.message IS 'What was missing, as a sentence.';
COMMENT ON COLUMN integration.incomplete_reads.times IS 'Runs in a row that ended so; the pause before the next try doubles with each.';
COMMENT ON COLUMN integration.incomplete_reads.retry_at IS 'When as much is read again.';

ALTER TABLE integration.commands ADD COLUMN late boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN integration.commands.late IS 'It joined a read that had begun before it came: when that has ended, what it asks for is read once more.';
