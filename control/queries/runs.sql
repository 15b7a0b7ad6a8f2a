-- name: next_seq
UPDATE integration.connections SET run_seq = run_seq + 1 WHERE company_id = %(company_id)s RETURNING run_seq;

-- name: begin
INSERT INTO integration.runs (run_id, company_id, run_seq, first_seq, read, command_id, state)
VALUES (%(run_id)s, %(company_id)s, %(run_seq)s, %(run_seq)s, %(read)s, %(command_id)s, 'running');

-- name: abandon
-- Runs that a crashed poller left behind; their successor publishes anything they may have missed.
WITH abandoned AS (
    UPDATE integration.runs SET state = 'failed', message = 'The poller ended during this run.', finished_at = now()
    WHERE company_id = %(company_id)s AND state = 'running' RETURNING run_id
)
DELETE FROM integration.run_pages WHERE run_id IN (SELECT run_id FROM abandoned);

-- name: save_progress
UPDATE integration.runs SET position = %(position)s, counts = %(counts)s WHERE run_id = %(run_id)s;

-- name: save_page
INSERT INTO integration.run_pages (run_id, entity, page, entity_ids)
VALUES (%(run_id)s, %(entity)s, %(page)s, %(entity_ids)s);

-- name: finish
UPDATE integration.runs
SET state = %(state)s, fault = %(fault)s, message = %(message)s, counts = %(counts)s, finished_at = now()
WHERE run_id = %(run_id)s;

-- name: drop_pages
DELETE FROM integration.run_pages WHERE run_id = %(run_id)s;

-- name: latest
SELECT run_id::text, read, state, fault, message, counts, started_at, finished_at
FROM integration.runs WHERE company_id = %(company_id)s ORDER BY run_seq DESC LIMIT %(limit)s;
