-- name: next_seq
-- Above all that the topics are known to hold of the company, should the database have been set back.
UPDATE integration.connections AS c
SET run_seq = greatest(c.run_seq,
    (SELECT f.run_seq FROM integration.run_seq_floors AS f WHERE f.company_id = c.company_id)) + 1
WHERE c.company_id = %(company_id)s RETURNING c.run_seq;

-- name: open
SELECT run_id::text, run_seq, read, scope, command_id::text, counts, started_at, attempts
FROM integration.runs WHERE company_id = %(company_id)s AND state = 'running';

-- name: begin
INSERT INTO integration.runs (run_id, company_id, run_seq, first_seq, read, command_id, state, scope)
VALUES (%(run_id)s, %(company_id)s, %(run_seq)s, %(run_seq)s, %(read)s, %(command_id)s, 'running', %(scope)s);

-- name: continue
UPDATE integration.runs
SET run_seq = %(run_seq)s, attempts = attempts + 1, attempted_at = now(), position = 0
WHERE run_id = %(run_id)s;

-- name: abandon
-- A run that a crash left behind and that does not fit what is due now; its successor publishes what it may have missed.
UPDATE integration.runs SET state = 'failed', message = 'The poller ended during this run.', finished_at = now()
WHERE company_id = %(company_id)s AND state = 'running';

-- name: unfinished
-- The newest run, if it failed in the middle of the same read and its pages are still worth going on from. Glances
-- between the two change nothing about that.
SELECT run_id::text, counts FROM (
    SELECT * FROM integration.runs WHERE company_id = %(company_id)s AND read <> 'glance'
    ORDER BY run_seq DESC LIMIT 1
) AS newest
WHERE state = 'failed' AND read = %(read)s AND scope = %(scope)s
  AND started_at > now() - make_interval(secs => %(usable_s)s)
  AND EXISTS (SELECT FROM integration.read_checkpoints AS c WHERE c.run_id = newest.run_id);

-- name: adopt_pages
UPDATE integration.run_pages SET run_id = %(run_id)s WHERE run_id = %(from_run_id)s;

-- name: adopt_checkpoints
UPDATE integration.read_checkpoints SET run_id = %(run_id)s WHERE run_id = %(from_run_id)s;

-- name: save_progress
UPDATE integration.runs SET position = %(position)s, counts = %(counts)s WHERE run_id = %(run_id)s;

-- name: save_page
-- A page that is taken once more when a read goes on adds to what it showed before.
INSERT INTO integration.run_pages AS p (run_id, entity, page, entity_ids)
VALUES (%(run_id)s, %(entity)s, %(page)s, %(entity_ids)s::text[])
ON CONFLICT (run_id, entity, page) DO UPDATE SET entity_ids = p.entity_ids || excluded.entity_ids;

-- name: seen
-- Those of some ids that pages of the run showed.
SELECT DISTINCT s.entity_id
FROM integration.run_pages AS p, unnest(p.entity_ids) AS s(entity_id)
WHERE p.run_id = %(run_id)s AND p.entity = %(entity)s
  AND (%(entity_ids)s::text[] IS NULL OR s.entity_id = ANY(%(entity_ids)s::text[]));

-- name: begin_read
INSERT INTO integration.read_checkpoints (run_id, entity, began_at) VALUES (%(run_id)s, %(entity)s, %(began_at)s)
ON CONFLICT (run_id, entity) DO NOTHING;

-- name: save_checkpoint
UPDATE integration.read_checkpoints
SET pages_done = greatest(pages_done, %(pages_done)s), pages_total = %(pages_total)s, mark = %(cursor)s,
    state = %(state)s
WHERE run_id = %(run_id)s AND entity = %(entity)s;

-- name: set_read_state
UPDATE integration.read_checkpoints SET state = %(state)s, mark = mark || %(cursor)s
WHERE run_id = %(run_id)s AND entity = %(entity)s;

-- name: checkpoints
SELECT entity, began_at, pages_done, pages_total, state, mark AS cursor
FROM integration.read_checkpoints WHERE run_id = %(run_id)s;

-- name: finish
UPDATE integration.runs
SET state = %(state)s, fault = %(fault)s, message = %(message)s, counts = %(counts)s, finished_at = now()
WHERE run_id = %(run_id)s;

-- name: drop_pages
DELETE FROM integration.run_pages WHERE run_id = %(run_id)s;

-- name: drop_checkpoints
DELETE FROM integration.read_checkpoints WHERE run_id = %(run_id)s;

-- name: drop_others
-- What earlier runs of the company left for a successor that did not need it.
WITH gone AS (
    DELETE FROM integration.read_checkpoints AS c USING integration.runs AS r
    WHERE c.run_id = r.run_id AND r.company_id = %(company_id)s AND r.run_id <> %(run_id)s
)
DELETE FROM integration.run_pages AS p USING integration.runs AS r
WHERE p.run_id = r.run_id AND r.company_id = %(company_id)s AND r.run_id <> %(run_id)s;

-- name: latest
-- Without glances, of which there are a hundred a day.
SELECT run_id::text, read, state, fault, message, counts, started_at, finished_at
FROM integration.runs WHERE company_id = %(company_id)s AND read <> 'glance' ORDER BY run_seq DESC LIMIT %(limit)s;

-- name: durations
-- Seconds of the newest run of each kind that came to its end in one attempt.
SELECT DISTINCT ON (read) read, extract(epoch FROM finished_at - started_at)::double precision AS seconds
FROM integration.runs
WHERE company_id = %(company_id)s AND state IN ('completed', 'held') AND attempts = 1
ORDER BY read, run_seq DESC;
