-- name: put
INSERT INTO integration.commands (command_id, company_id, type, body, state)
VALUES (%(command_id)s, %(company_id)s, %(type)s, %(body)s, 'pending')
ON CONFLICT (command_id) DO NOTHING RETURNING command_id;

-- name: open
-- Also those that a crashed poller had begun: their effect is repeated, their id gets its one answer. The id as its
-- sender spelled it, who waits for just that.
SELECT body->>'command_id' AS command_id, type, body FROM integration.commands
WHERE company_id = %(company_id)s AND state <> 'done' AND answer IS NULL AND due_at <= now() ORDER BY arrived;

-- name: start
-- A command that comes to a run which has begun to read is late. So is one of a run that takes over an earlier one's pages,
-- and one that comes to a run that asks for changed budgets only.
UPDATE integration.commands
SET state = 'running', run_id = %(run_id)s,
    late = CASE WHEN run_id = %(run_id)s THEN late
        ELSE EXISTS (SELECT FROM integration.read_checkpoints AS k WHERE k.run_id = %(run_id)s)
            OR EXISTS (SELECT FROM integration.runs AS r WHERE r.run_id = %(run_id)s AND r.scope->>'jobs' = 'changed') END
WHERE command_id = ANY(%(command_ids)s::uuid[]);

-- name: again
-- Late commands of a run that has ended wait for a read of their own.
UPDATE integration.commands SET state = 'pending', run_id = NULL, late = false
WHERE company_id = %(company_id)s AND run_id = %(run_id)s AND state = 'running' AND answer IS NULL AND late
RETURNING body->>'command_id' AS command_id;

-- name: answer
-- The first answer stands. Each is told under its sender's spelling of the id and its own event id.
UPDATE integration.commands AS c
SET answer = %(event)s::jsonb || jsonb_build_object('event_id', mine.event_id,
        'command_id', coalesce(c.body->>'stated_id', c.body->>'command_id')),
    answered_at = now()
FROM unnest(%(command_ids)s::uuid[], %(event_ids)s::text[]) AS mine(command_id, event_id)
WHERE c.command_id = mine.command_id AND c.answer IS NULL AND c.state <> 'done'
RETURNING c.command_id::text, c.type;

-- name: of_run
-- Commands that a run is for, those that joined it meanwhile included.
SELECT body->>'command_id' AS command_id, type, body FROM integration.commands
WHERE company_id = %(company_id)s AND run_id = %(run_id)s AND state = 'running' AND answer IS NULL ORDER BY arrived;

-- name: find
SELECT body->>'command_id' AS command_id, type, answer->>'type' AS outcome FROM integration.commands
WHERE company_id = %(company_id)s AND command_id = %(command_id)s;

-- name: unpublished
SELECT command_id::text, company_id, answer AS event, answered_at FROM integration.commands
WHERE state <> 'done' AND answer IS NOT NULL ORDER BY arrived LIMIT %(limit)s;

-- name: published
UPDATE integration.commands SET state = 'done', finished_at = now() WHERE command_id = ANY(%(command_ids)s::uuid[]);

-- name: join
-- A sync that asks for no more than a read under way joins it. Of a command that is due only.
UPDATE integration.commands AS c
SET state = 'running', run_id = r.run_id,
    late = coalesce(r.scope->>'jobs', '') = 'changed'
        OR EXISTS (SELECT FROM integration.read_checkpoints AS k WHERE k.run_id = r.run_id)
FROM integration.runs AS r
WHERE c.state = 'pending' AND c.answer IS NULL AND c.due_at <= now() AND c.type = ANY(%(types)s)
  AND r.company_id = c.company_id AND r.state = 'running' AND r.read <> 'backfill'
  AND r.company_id = ANY(%(company_ids)s)
  AND r.scope->'entities' @> CASE WHEN jsonb_array_length(c.body->'entities') = 0
      THEN %(all_entities)s::jsonb ELSE c.body->'entities' END
RETURNING c.body->>'command_id' AS command_id, c.company_id, r.run_id::text AS run_id;

-- name: interrupting
-- Companies among these with a command that cannot wait for the read under way.
SELECT DISTINCT company_id FROM integration.commands
WHERE company_id = ANY(%(company_ids)s) AND state <> 'done' AND answer IS NULL AND due_at <= now()
  AND type = ANY(%(types)s);

-- name: fan_out
-- One part for each company, spread out evenly; their ids follow from the whole's, so that repeating it changes nothing.
INSERT INTO integration.commands (command_id, company_id, type, body, state, due_at, fan_out_id)
SELECT p.command_id, p.company_id, %(type)s,
    %(body)s::jsonb || jsonb_build_object('command_id', p.command_id, 'company_id', p.company_id), 'pending',
    now() + make_interval(secs => %(apart_s)s * (p.number - 1)), %(fan_out_id)s
FROM unnest(%(command_ids)s::uuid[], %(company_ids)s::text[]) WITH ORDINALITY AS p(command_id, company_id, number)
ON CONFLICT (command_id) DO NOTHING;

-- name: fan_outs
-- Commands for all companies without an answer, with how their parts stand. Their rows are locked: one poller at a time.
SELECT whole.command_id::text, whole.body, parts.total, parts.answered, parts.outcomes, parts.counts, parts.failures
FROM integration.commands AS whole, LATERAL (
    SELECT count(*) AS total, count(part.answer) AS answered,
        coalesce(jsonb_agg(part.answer->>'type') FILTER (WHERE part.answer IS NOT NULL), '[]') AS outcomes,
        coalesce(jsonb_agg(part.answer->'counts') FILTER (WHERE jsonb_typeof(part.answer->'counts') = 'object'), '[]')
            AS counts,
        coalesce((jsonb_agg(part.company_id || ': ' || coalesce(part.answer->>'message', part.answer->>'type')
            ORDER BY part.company_id) FILTER (WHERE part.answer->>'type' <> 'completed')), '[]') AS failures
    FROM integration.commands AS part WHERE part.fan_out_id = whole.command_id
) AS parts
WHERE whole.company_id = '*' AND whole.state = 'running' AND whole.answer IS NULL
ORDER BY whole.arrived FOR UPDATE OF whole SKIP LOCKED;
