-- For the day the database is set back to an earlier state, from a backup or by a failover that lost the last seconds.
CREATE TABLE integration.pulse (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    beat bigint NOT NULL DEFAULT 0,
    at timestamptz
);
COMMENT ON TABLE integration.pulse IS 'One row: through when this database is known to hold what the raw topics do. Pollers raise it every few seconds.';
COMMENT ON COLUMN integration.pulse.beat IS 'Raised with each; a poller that saw a higher one knows that the database was set back.';
COMMENT ON COLUMN integration.pulse.at IS 'By the database''s clock; null: nobody has compared yet, and all of the raw topics are looked through once.';
-- A database with runs is the one that they were published from; an empty one may stand in for one that was lost.
INSERT INTO integration.pulse (at)
SELECT CASE WHEN EXISTS (SELECT FROM integration.connections WHERE run_seq > 0) THEN now() END;

CREATE TABLE integration.run_seq_floors (
    company_id text PRIMARY KEY,
    run_seq bigint NOT NULL,
    found_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE integration.run_seq_floors IS 'Companies whose raw records are of later runs than the database knew: their next run_seq is above this. Also of companies without a connection.';
