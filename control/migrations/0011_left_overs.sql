-- What the tables hold and Buildertrend, as last read, does not: the deletion never came through.
CREATE TABLE integration.left_overs (
    company_id text NOT NULL REFERENCES integration.connections ON DELETE CASCADE,
    entity text NOT NULL,
    entity_id text NOT NULL,
    version bigint NOT NULL,
    local_day date,
    parent_id text,
    PRIMARY KEY (company_id, entity, entity_id)
);
COMMENT ON TABLE integration.left_overs IS 'Records that an operator found behind Buildertrend (`reconcile --repair`): the company''s next run takes them into source_state in doubt, and a complete read that misses them publishes their deletion anew.';
