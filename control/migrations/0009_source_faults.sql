-- Failures that are further and further apart, interrupted sign-ins, and rows of the source that are not understood.
ALTER TABLE integration.connections
    ADD COLUMN sign_in_ended_at timestamptz,
    ADD COLUMN failures integer NOT NULL DEFAULT 0,
    ADD COLUMN outage_since timestamptz;
COMMENT ON COLUMN integration.connections.sign_in_ended_at IS 'When an attempt was seen to end without an answer that says what came of it; before sign_in_begun_at: the last one was interrupted.';
COMMENT ON COLUMN integration.connections.failures IS 'Runs that failed in a row without reading anything; each makes the pause before the next one longer.';
COMMENT ON COLUMN integration.connections.outage_since IS 'Since when Kafka or Postgres kept its runs from going on; null while they do.';

CREATE FUNCTION integration.sign_in_pause(
    c integration.connections, interrupted_s float8, first_s float8, longest_s float8
) RETURNS interval LANGUAGE sql STABLE AS $$
    SELECT make_interval(secs => CASE
        WHEN c.sign_ins_unanswered = 1 AND coalesce(c.sign_in_ended_at < c.sign_in_begun_at, true) THEN interrupted_s
        ELSE least(longest_s, first_s * 2 ^ least(c.sign_ins_unanswered - 1, 20)) END)
$$;
COMMENT ON FUNCTION integration.sign_in_pause IS 'How long after the last sign-in, of which nobody knows whether it counted, another one may follow.';

-- Companies of one Buildertrend user share its session.
CREATE INDEX connections_by_username ON integration.connections (lower(username));

CREATE TABLE integration.refused_rows (
    company_id text NOT NULL REFERENCES integration.connections ON DELETE CASCADE,
    entity text NOT NULL,
    entity_id text NOT NULL,
    digest bytea NOT NULL,
    reason text NOT NULL,
    run_id uuid NOT NULL,
    refused_at timestamptz NOT NULL DEFAULT now(),
    letter_offset bigint,
    PRIMARY KEY (company_id, entity, entity_id)
);
COMMENT ON TABLE integration.refused_rows IS 'Rows of the source that are dead letters of the poller; a row goes when it is understood, or gone from the source.';
COMMENT ON COLUMN integration.refused_rows.digest IS 'Hash of what was refused and of how it was read: the same is not refused again.';
COMMENT ON COLUMN integration.refused_rows.letter_offset IS 'Offset of its dead letter in the company''s partition; null where that is not known.';
