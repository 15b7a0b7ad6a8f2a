-- name: put
INSERT INTO integration.commands (command_id, company_id, type, body, state)
VALUES (%(command_id)s, %(company_id)s, %(type)s, %(body)s, 'pending')
ON CONFLICT (command_id) DO NOTHING RETURNING command_id;

-- name: open
-- Also those that a crashed poller had begun: their effect is repeated, their id gets its one answer. The id as its
-- sender spelled it, who waits for just that.
SELECT body->>'command_id' AS command_id, type, body FROM integration.commands
WHERE company_id = %(company_id)s AND state <> 'done' ORDER BY arrived;

-- name: start
UPDATE integration.commands SET state = 'running', run_id = %(run_id)s WHERE command_id = ANY(%(command_ids)s::uuid[]);

-- name: finish
UPDATE integration.commands SET state = 'done', finished_at = now() WHERE command_id = ANY(%(command_ids)s::uuid[]);
