-- What is about to be published, so that a crash between Kafka's commit and the state's leaves no change in doubt.
CREATE TABLE integration.announcements (
    company_id text PRIMARY KEY REFERENCES integration.connections ON DELETE CASCADE,
    entity text NOT NULL,
    entity_ids text[] NOT NULL,
    fingerprints bytea[] NOT NULL,
    versions bigint[] NOT NULL,
    local_days date[] NOT NULL,
    parent_ids text[] NOT NULL
);
COMMENT ON TABLE integration.announcements IS 'The changes that a poller publishes now; the row goes with the transaction that records them as published.';
COMMENT ON COLUMN integration.announcements.fingerprints IS 'What source_state holds for each id once it cannot be known whether its change was published: equal to the fingerprint of no record.';
