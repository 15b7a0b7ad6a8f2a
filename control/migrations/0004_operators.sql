-- Hours as last read, for comparing the sides; when a command is due, of which it is a part, and how it is answered.
ALTER TABLE integration.source_state
    ADD COLUMN job_id text,
    ADD COLUMN minutes bigint;
COMMENT ON COLUMN integration.source_state.job_id IS 'Job of a shift as last read; null for other entities and for rows not changed since this column came.';
COMMENT ON COLUMN integration.source_state.minutes IS 'Regular and overtime minutes of a shift as last read; null where none are stated.';

ALTER TABLE integration.commands
    ADD COLUMN due_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN fan_out_id uuid REFERENCES integration.commands,
    ADD COLUMN answer jsonb,
    ADD COLUMN answered_at timestamptz;
DROP INDEX integration.commands_open;
CREATE INDEX commands_open ON integration.commands (company_id, arrived) WHERE state <> 'done' AND answer IS NULL;
CREATE INDEX commands_unsaid ON integration.commands (arrived) WHERE state <> 'done' AND answer IS NOT NULL;
CREATE INDEX commands_fan_out ON integration.commands (fan_out_id) WHERE fan_out_id IS NOT NULL;
COMMENT ON COLUMN integration.commands.due_at IS 'Not before: the parts of a command for all companies are spread out.';
COMMENT ON COLUMN integration.commands.fan_out_id IS 'The command for all companies that this one is a part of.';
COMMENT ON COLUMN integration.commands.answer IS 'The final event, stored in the transaction of the command''s effect; done once it is said.';
