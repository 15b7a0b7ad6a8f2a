-- How many requests each company takes a day: what the account of a customer is asked for is bounded, and seen.
CREATE TABLE integration.requests (
    company_id text NOT NULL REFERENCES integration.connections ON DELETE CASCADE,
    day date NOT NULL,
    read text NOT NULL,
    kind text NOT NULL,
    requests bigint NOT NULL,
    PRIMARY KEY (company_id, day, read, kind)
);
COMMENT ON TABLE integration.requests IS 'Requests sent to Buildertrend by company, local day, read and kind of endpoint; repeated ones count each time. Kept for 90 days.';
COMMENT ON COLUMN integration.requests.day IS 'The company''s local day.';
COMMENT ON COLUMN integration.requests.read IS 'The read that sent them (initial, full, recent, glance, backfill), or sign-in.';
COMMENT ON COLUMN integration.requests.kind IS 'What was asked: account, jobs, shifts, users, cost-codes, budgets, worksheets, report, sign-in, other.';
