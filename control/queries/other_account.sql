-- name: ask
UPDATE integration.connections SET pending_builder_id = %(builder_id)s, pending_builder_name = %(builder_name)s
WHERE company_id = %(company_id)s;

-- name: accept
-- All of it is new, so that the next read is an initial one.
UPDATE integration.connections
SET accept_builder_id = pending_builder_id, state = 'connecting', fault = NULL, message = NULL,
    initial_done_at = NULL, last_full_at = NULL, next_due_at = now() + interval '1 minute', updated_at = now()
WHERE company_id = %(company_id)s AND pending_builder_id = %(builder_id)s AND state = 'needs-attention'
RETURNING company_id;

-- name: is_accepted
SELECT 1 FROM integration.connections WHERE company_id = %(company_id)s AND accept_builder_id = %(builder_id)s;

-- name: forget
UPDATE integration.connections
SET pending_builder_id = NULL, pending_builder_name = NULL, accept_builder_id = NULL WHERE company_id = %(company_id)s;
