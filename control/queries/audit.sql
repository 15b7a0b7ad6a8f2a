-- name: record
INSERT INTO integration.audit (user_id, who, company_id, action, detail, command_id)
VALUES (%(user_id)s, %(who)s, %(company_id)s, %(action)s, %(detail)s, %(command_id)s);

-- name: note_outcome
UPDATE integration.audit SET outcome = %(outcome)s, outcome_message = %(message)s,
    outcome_at = CASE WHEN %(is_last)s THEN now() END
WHERE command_id = %(command_id)s AND outcome_at IS NULL;

-- name: oldest_open
SELECT min(at) FROM integration.audit
WHERE command_id IS NOT NULL AND outcome_at IS NULL AND at > now() - interval '14 days';

-- name: lines
SELECT audit_id, at, who, company_id, action, detail, command_id::text, outcome, outcome_message, outcome_at
FROM integration.audit
WHERE (%(company_id)s::text IS NULL OR company_id = %(company_id)s)
  AND (%(before)s::bigint IS NULL OR audit_id < %(before)s)
ORDER BY audit_id DESC LIMIT %(limit)s;

-- name: of_command
SELECT audit_id, at, who, company_id, action, detail, command_id::text, outcome, outcome_message, outcome_at
FROM integration.audit WHERE company_id = %(company_id)s AND command_id = %(command_id)s::uuid;
