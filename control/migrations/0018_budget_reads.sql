-- When each job's budget was read last, and how things stood then: only budgets that may have moved are read again.
CREATE TABLE integration.budget_reads (
    company_id text NOT NULL REFERENCES integration.connections ON DELETE CASCADE,
    job_id bigint NOT NULL,
    report_row bytea,
    budget bytea NOT NULL,
    shifts_version bigint NOT NULL,
    read_at timestamptz NOT NULL,
    fruitless integer NOT NULL DEFAULT 0,
    PRIMARY KEY (company_id, job_id)
);
COMMENT ON TABLE integration.budget_reads IS 'What a job''s budget is compared with before it is read again; a job without a row is read by the next read.';
COMMENT ON COLUMN integration.budget_reads.report_row IS 'Hash of the job''s row of the company-wide report just before; null: it had none.';
COMMENT ON COLUMN integration.budget_reads.budget IS 'Hash of what was published of its budget.';
COMMENT ON COLUMN integration.budget_reads.shifts_version IS 'The newest version of the job''s shifts then.';
COMMENT ON COLUMN integration.budget_reads.fruitless IS 'Reads in a row for which the report''s row had moved and the budget had not: each makes the pause longer.';
