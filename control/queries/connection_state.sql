-- name: pause
UPDATE integration.connections
SET state = 'paused', paused_by = %(by)s, paused_reason = %(reason)s, paused_at = now(), updated_at = now()
WHERE company_id = %(company_id)s;

-- name: resume
UPDATE integration.connections
SET state = %(state)s, paused_by = NULL, paused_reason = NULL, paused_at = NULL, next_due_at = now(), updated_at = now()
WHERE company_id = %(company_id)s;

-- name: disconnect
UPDATE integration.connections
SET state = 'disconnected', fault = NULL, message = NULL, hint = NULL, paused_by = NULL, paused_reason = NULL,
    paused_at = NULL, sign_ins_unanswered = 0, updated_at = now(),
    previous_username = NULL, previous_time_zone = NULL, previous_import_from = NULL,
    refused_username = NULL, refused_fault = NULL, refused_message = NULL, refused_at = NULL
WHERE company_id = %(company_id)s;

-- name: forget_credentials
DELETE FROM integration.credentials WHERE company_id = %(company_id)s;

-- name: due_now
SELECT next_due_at <= now(), state = 'connected' AND next_glance_at <= now() FROM integration.connections WHERE company_id = %(company_id)s;

-- name: put_off
-- A read that was cancelled is not begun again at once.
UPDATE integration.connections SET next_due_at = greatest(next_due_at, %(next_due_at)s), updated_at = now()
WHERE company_id = %(company_id)s;

-- name: for_all
-- The companies that a command for all is for.
SELECT company_id FROM integration.connections WHERE state = ANY(%(states)s) ORDER BY company_id;
