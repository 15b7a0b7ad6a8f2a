-- name: takes_writes
-- What a new transaction may do; this one may have been asked to read only.
SELECT current_setting('default_transaction_read_only') = 'off' AND NOT pg_is_in_recovery() AS takes_writes;

-- name: companies
SELECT company_id, builder_name AS account, time_zone, state, fault, message, hint, paused_by, paused_reason,
    paused_at, last_success_at, next_due_at, lease_expires_at > now() AS leased
FROM integration.connections
WHERE %(company_ids)s::text[] IS NULL OR company_id = ANY(%(company_ids)s)
ORDER BY company_id;

-- name: reads
SELECT company_id, entity, complete_through, from_day, whole_through FROM integration.entity_reads
WHERE %(company_ids)s::text[] IS NULL OR company_id = ANY(%(company_ids)s);

-- name: incomplete
SELECT company_id, entity, message, since FROM integration.incomplete_reads
WHERE %(company_ids)s::text[] IS NULL OR company_id = ANY(%(company_ids)s);

-- name: running
-- The reads under way, with where each entity stands.
SELECT r.company_id, r.run_id::text, r.read, r.command_id::text, r.started_at, r.scope, r.counts,
    coalesce(jsonb_object_agg(k.entity, jsonb_build_object('state', k.state, 'pages_done', k.pages_done,
        'pages_total', k.pages_total)) FILTER (WHERE k.entity IS NOT NULL), '{}') AS entities
FROM integration.runs AS r LEFT JOIN integration.read_checkpoints AS k USING (run_id)
WHERE r.state = 'running' AND (%(company_ids)s::text[] IS NULL OR r.company_id = ANY(%(company_ids)s))
GROUP BY r.run_id;

-- name: commands
-- Commands without their final answer, oldest first.
SELECT company_id, command_id::text, type, state, received_at, body->>'requested_by' AS requested_by,
    body->'entities' AS entities
FROM integration.commands
WHERE state <> 'done' AND answer IS NULL AND (%(company_ids)s::text[] IS NULL OR company_id = ANY(%(company_ids)s))
ORDER BY arrived;

-- name: requests
-- What was asked of Buildertrend on the company's local day that it is now.
SELECT r.company_id, r.read, r.kind, r.requests
FROM integration.requests AS r JOIN integration.connections AS c USING (company_id)
WHERE r.day = (now() AT TIME ZONE c.time_zone)::date
  AND (%(company_ids)s::text[] IS NULL OR r.company_id = ANY(%(company_ids)s));

-- name: recipes
-- Grids that Buildertrend's own page asks for in another way than before, for a month.
SELECT company_id, grid, changed_at, differs FROM integration.recipes
WHERE changed_at > now() - interval '30 days' AND (%(company_ids)s::text[] IS NULL OR company_id = ANY(%(company_ids)s))
ORDER BY grid;

-- name: held
SELECT company_id, entity, count(*) AS records, min(held_at) AS since FROM integration.held_deletions
WHERE released_at IS NULL AND (%(company_ids)s::text[] IS NULL OR company_id = ANY(%(company_ids)s))
GROUP BY company_id, entity;

-- name: published
SELECT company_id, entity, count(*) AS records FROM integration.source_state
WHERE %(company_ids)s::text[] IS NULL OR company_id = ANY(%(company_ids)s) GROUP BY company_id, entity;
