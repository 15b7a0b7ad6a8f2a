-- name: record
INSERT INTO integration.audit (user_id, who, company_id, action, detail, command_id)
VALUES (%(user_id)s, %(who)s, %(company_id)s, %(action)s, %(detail)s, %(command_id)s);

-- name: note_not_sent
INSERT INTO integration.audit_outcomes (command_id, outcome, message)
VALUES (%(command_id)s, 'failed', %(message)s) ON CONFLICT (command_id) DO NOTHING;

-- name: lines
SELECT a.audit_id, a.at, a.who, a.company_id, a.action, a.detail, a.command_id::text,
    coalesce(k.answer->>'type', o.outcome, CASE WHEN k.command_id IS NOT NULL THEN 'accepted' END) AS outcome,
    coalesce(k.answer->>'message', o.message) AS outcome_message, coalesce(k.answered_at, o.at) AS outcome_at
FROM integration.audit AS a
LEFT JOIN integration.commands AS k ON k.command_id = a.command_id AND k.company_id = a.company_id
LEFT JOIN integration.audit_outcomes AS o ON o.command_id = a.command_id
WHERE (%(company_id)s::text IS NULL OR a.company_id = %(company_id)s)
  AND (%(before)s::bigint IS NULL OR a.audit_id < %(before)s)
ORDER BY a.audit_id DESC LIMIT %(limit)s;

-- name: of_command
SELECT a.audit_id, a.at, a.who, a.company_id, a.action, a.detail, a.command_id::text,
    coalesce(k.answer->>'type', o.outcome, CASE WHEN k.command_id IS NOT NULL THEN 'accepted' END) AS outcome,
    coalesce(k.answer->>'message', o.message) AS outcome_message, coalesce(k.answered_at, o.at) AS outcome_at
FROM integration.audit AS a
LEFT JOIN integration.commands AS k ON k.command_id = a.command_id AND k.company_id = a.company_id
LEFT JOIN integration.audit_outcomes AS o ON o.command_id = a.command_id
WHERE a.company_id = %(company_id)s AND a.command_id = %(command_id)s::uuid;
