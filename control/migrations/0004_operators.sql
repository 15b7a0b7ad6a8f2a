-- Hours as last read, for comparing the sides; what a command waits for and how it was answered.
ALTER TABLE integration.source_state
    ADD COLUMN job_id text,
    ADD COLUMN minutes bigint;
COMMENT ON COLUMN integration.source_state.job_id IS 'Job of a shift as last read; null for other entities and for rows not changed since this column came.';
COMMENT ON COLUMN integration.source_state.minutes IS 'Regular and overtime minutes of a shift as last read; null where none are stated.';
