-- The five canonical tables and the sink's own offsets. Columns are those of the records of protiv.*; a money field
-- <name>_micros of a record is the column <name> here.

COMMENT ON SCHEMA protiv IS
  'Protiv''s copy of what the companies keep in Buildertrend, one row a record, kept by the sink from the topics protiv.*. Only the sink writes here.';
COMMENT ON TABLE protiv.schema_migrations IS 'The migrations of this schema that were applied.';
COMMENT ON COLUMN protiv.schema_migrations.name IS 'File name of the migration without its ending.';
COMMENT ON COLUMN protiv.schema_migrations.checksum IS 'SHA-256 of the file, as hex digits: an applied file is never changed.';
COMMENT ON COLUMN protiv.schema_migrations.applied_at IS 'When it was applied.';

CREATE TABLE protiv.jobs (
  company_id          text        NOT NULL,
  job_id              text        NOT NULL,
  version             bigint      NOT NULL CHECK (version >= 0),
  observed_at         timestamptz NOT NULL,
  deleted_at          timestamptz,
  name                text,
  number              text,
  status              text        CHECK (status IN ('open', 'closed', 'warranty', 'presale', 'unknown')),
  street              text,
  opened_on           date,
  starts_on           date,
  projected_close_on  date,
  is_general          boolean,
  source_generation   integer     NOT NULL,
  source_offset       bigint      NOT NULL,
  updated_at          timestamptz NOT NULL,
  PRIMARY KEY (company_id, job_id)
);

CREATE TABLE protiv.users (
  company_id          text        NOT NULL,
  user_id             text        NOT NULL,
  version             bigint      NOT NULL CHECK (version >= 0),
  observed_at         timestamptz NOT NULL,
  deleted_at          timestamptz,
  name                text,
  first_name          text,
  last_name           text,
  email               text,
  phone               text,
  role                text,
  active              boolean,
  hourly_cost         numeric(18,6),
  source_generation   integer     NOT NULL,
  source_offset       bigint      NOT NULL,
  updated_at          timestamptz NOT NULL,
  PRIMARY KEY (company_id, user_id)
);

CREATE TABLE protiv.cost_codes (
  company_id          text        NOT NULL,
  cost_code_id        text        NOT NULL,
  version             bigint      NOT NULL CHECK (version >= 0),
  observed_at         timestamptz NOT NULL,
  deleted_at          timestamptz,
  code                text,
  name                text,
  title               text,
  category            text,
  active              boolean,
  source_generation   integer     NOT NULL,
  source_offset       bigint      NOT NULL,
  updated_at          timestamptz NOT NULL,
  PRIMARY KEY (company_id, cost_code_id)
);

CREATE TABLE protiv.budgets (
  company_id          text        NOT NULL,
  budget_id           text        NOT NULL,
  version             bigint      NOT NULL CHECK (version >= 0),
  observed_at         timestamptz NOT NULL,
  deleted_at          timestamptz,
  job_id              text,
  job_name            text,
  cost_code_id        text,
  cost_code_title     text,
  category            text,
  original_amount     numeric(18,6),
  revised_amount      numeric(18,6),
  budgeted_minutes    bigint,
  source_generation   integer     NOT NULL,
  source_offset       bigint      NOT NULL,
  updated_at          timestamptz NOT NULL,
  PRIMARY KEY (company_id, budget_id)
);

CREATE TABLE protiv.time_entries (
  company_id          text        NOT NULL,
  time_entry_id       text        NOT NULL,
  version             bigint      NOT NULL CHECK (version >= 0),
  observed_at         timestamptz NOT NULL,
  deleted_at          timestamptz,
  job_id              text,
  job_name            text,
  user_id             text,
  user_name           text,
  cost_code_id        text,
  cost_code_title     text,
  started_at          timestamptz,
  ended_at            timestamptz,
  time_zone           text,
  work_date           date,
  break_minutes       bigint,
  regular_minutes     bigint,
  overtime_minutes    bigint,
  total_minutes       bigint,
  hourly_cost         numeric(18,6),
  labor_cost          numeric(18,6),
  approved            boolean,
  notes               text,
  tags                text[]      NOT NULL DEFAULT '{}',
  link_status         text        CHECK (link_status IN ('linked', 'waiting-for-job', 'waiting-for-cost-code',
                        'waiting-for-user', 'general', 'uncoded', 'several-codes', 'ambiguous-code')),
  link_detail         text,
  source_generation   integer     NOT NULL,
  source_offset       bigint      NOT NULL,
  updated_at          timestamptz NOT NULL,
  PRIMARY KEY (company_id, time_entry_id),
  -- A deletion for a row that was never seen has nothing but its key.
  CONSTRAINT time_entries_live_is_complete CHECK (
    deleted_at IS NOT NULL OR (started_at IS NOT NULL AND work_date IS NOT NULL AND link_status IS NOT NULL))
);

-- Instants and days that the readers' languages cannot hold would break every query that meets them.
ALTER TABLE protiv.jobs ADD CONSTRAINT jobs_times_in_range CHECK (
  greatest(observed_at, deleted_at) < '9999-12-31Z' AND least(observed_at, deleted_at) > '0001-01-02Z'
  AND greatest(opened_on, starts_on, projected_close_on) < '9999-12-31'
  AND least(opened_on, starts_on, projected_close_on) > '0001-01-02');
ALTER TABLE protiv.users ADD CONSTRAINT users_times_in_range CHECK (
  greatest(observed_at, deleted_at) < '9999-12-31Z' AND least(observed_at, deleted_at) > '0001-01-02Z');
ALTER TABLE protiv.cost_codes ADD CONSTRAINT cost_codes_times_in_range CHECK (
  greatest(observed_at, deleted_at) < '9999-12-31Z' AND least(observed_at, deleted_at) > '0001-01-02Z');
ALTER TABLE protiv.budgets ADD CONSTRAINT budgets_times_in_range CHECK (
  greatest(observed_at, deleted_at) < '9999-12-31Z' AND least(observed_at, deleted_at) > '0001-01-02Z');
ALTER TABLE protiv.time_entries ADD CONSTRAINT time_entries_times_in_range CHECK (
  greatest(observed_at, deleted_at, started_at, ended_at) < '9999-12-31Z'
  AND least(observed_at, deleted_at, started_at, ended_at) > '0001-01-02Z'
  AND work_date < '9999-12-31' AND work_date > '0001-01-02');

CREATE INDEX time_entries_by_job ON protiv.time_entries (company_id, job_id, work_date);
CREATE INDEX time_entries_by_user ON protiv.time_entries (company_id, user_id, work_date);
CREATE INDEX time_entries_by_updated_at ON protiv.time_entries (updated_at);
CREATE INDEX budgets_by_job ON protiv.budgets (company_id, job_id);
CREATE INDEX budgets_by_updated_at ON protiv.budgets (updated_at);
CREATE INDEX jobs_by_updated_at ON protiv.jobs (updated_at);
CREATE INDEX users_by_updated_at ON protiv.users (updated_at);
CREATE INDEX cost_codes_by_updated_at ON protiv.cost_codes (updated_at);

CREATE TABLE protiv.sink_offsets (
  topic_id    uuid        NOT NULL,
  topic       text        NOT NULL,
  partition   integer     NOT NULL CHECK (partition >= 0),
  next_offset bigint      NOT NULL CHECK (next_offset >= 0),
  generation  integer     NOT NULL,
  claim       bigint      NOT NULL,
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (topic_id, partition)
);

COMMENT ON TABLE protiv.sink_offsets IS
  'How far the sink has merged each partition. A row changes in the transaction that merges the records before it.';
COMMENT ON COLUMN protiv.sink_offsets.topic_id IS 'Kafka''s id of the topic: a topic that is created again has a new one and is read from its beginning.';
COMMENT ON COLUMN protiv.sink_offsets.topic IS 'Name of the topic.';
COMMENT ON COLUMN protiv.sink_offsets.partition IS 'Partition of the topic.';
COMMENT ON COLUMN protiv.sink_offsets.next_offset IS 'Offset of the first record that is not merged yet.';
COMMENT ON COLUMN protiv.sink_offsets.generation IS 'Which creation of the topic this is, counted from 1 by the sink.';
COMMENT ON COLUMN protiv.sink_offsets.claim IS 'Counts the sinks that took this partition over; only the latest may move next_offset.';
COMMENT ON COLUMN protiv.sink_offsets.updated_at IS 'When the row last changed.';
