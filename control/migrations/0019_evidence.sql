-- How often Buildertrend's answers bore out what the adapter relies on, and how often they contradicted it.
CREATE TABLE integration.evidence (
    company_id text NOT NULL REFERENCES integration.connections ON DELETE CASCADE,
    fact text NOT NULL,
    held bigint NOT NULL DEFAULT 0,
    contradicted bigint NOT NULL DEFAULT 0,
    first_contradicted_at timestamptz,
    last_contradicted_at timestamptz,
    PRIMARY KEY (company_id, fact)
);
COMMENT ON TABLE integration.evidence IS 'Counts by company and fact: numbers alone, nothing of a record.';
COMMENT ON COLUMN integration.evidence.fact IS 'Its number in docs/wire.md and producers/buildertrend/evidence.py.';
COMMENT ON COLUMN integration.evidence.first_contradicted_at IS 'End of the first run that contradicted it; null: none did.';
