-- Reads that look wrong although nothing failed: what looked wrong, until it looks right again or an operator says that it is true.
CREATE TABLE integration.suspicions (
    company_id text NOT NULL REFERENCES integration.connections ON DELETE CASCADE,
    entity text NOT NULL,
    rule text NOT NULL,
    message text NOT NULL,
    whole boolean NOT NULL,
    run_id uuid NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    accepted_at timestamptz,
    accepted_by text,
    PRIMARY KEY (company_id, entity, rule)
);
COMMENT ON TABLE integration.suspicions IS 'What looked wrong in the newest read of an entity, so that it was not taken for complete and nothing was deleted.';
COMMENT ON COLUMN integration.suspicions.rule IS 'Which rule it is (see producers/runs/suspicion.py).';
COMMENT ON COLUMN integration.suspicions.message IS 'What looked wrong and what to look at, as sentences.';
COMMENT ON COLUMN integration.suspicions.whole IS 'It was a read of everything: one of the window alone does not take it back.';
COMMENT ON COLUMN integration.suspicions.run_id IS 'The newest run in which it looked so.';
COMMENT ON COLUMN integration.suspicions.accepted_at IS 'When an operator said (`release-deletions`) that it is true; the row stays while it looks so.';

ALTER TABLE integration.source_state ADD COLUMN filled integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN integration.source_state.filled IS 'Which fields that decide hours, money or links had a value, a bit each (see producers/buildertrend/filled.py).';

ALTER TABLE integration.entity_reads ADD COLUMN records bigint, ADD COLUMN whole_records bigint;
COMMENT ON COLUMN integration.entity_reads.records IS 'How many rows Buildertrend stated in the newest complete read of the window that said so.';
COMMENT ON COLUMN integration.entity_reads.whole_records IS 'The same for the newest read of everything.';
