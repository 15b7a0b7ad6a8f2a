-- How Buildertrend's own page asks for a grid: our requests follow it, and a change of it is an early warning.
CREATE TABLE integration.recipes (
    company_id text NOT NULL REFERENCES integration.connections ON DELETE CASCADE,
    grid text NOT NULL,
    recipe jsonb NOT NULL,
    stated_by text NOT NULL CHECK (stated_by IN ('capture', 'sign-in')),
    seen_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz,
    differs text[] NOT NULL DEFAULT '{}',
    told boolean NOT NULL DEFAULT true,
    PRIMARY KEY (company_id, grid)
);
COMMENT ON TABLE integration.recipes IS 'The form of the requests that Buildertrend''s own pages send, newest of each grid: no job, worker, date or search.';
COMMENT ON COLUMN integration.recipes.stated_by IS 'Where it was seen: a capture that somebody checked, or the page that opened at a sign-in.';
COMMENT ON COLUMN integration.recipes.changed_at IS 'When it was first seen to differ from the one before; null: it never did.';
COMMENT ON COLUMN integration.recipes.differs IS 'In what it differs from the one before, in words.';
COMMENT ON COLUMN integration.recipes.told IS 'Whether the poller has told of the change by an event and a metric.';
