-- name: put
INSERT INTO integration.suspicions (company_id, entity, rule, message, whole, run_id)
SELECT %(company_id)s, %(entity)s, r.rule, r.message, %(whole)s, %(run_id)s
FROM unnest(%(rules)s::text[], %(messages)s::text[]) AS r(rule, message)
ON CONFLICT (company_id, entity, rule) DO UPDATE
SET message = excluded.message, run_id = excluded.run_id, whole = suspicions.whole OR excluded.whole;

-- name: drop_others
-- What a read of everything found is not taken back by one of the window.
DELETE FROM integration.suspicions
WHERE company_id = %(company_id)s AND entity = %(entity)s AND NOT rule = ANY(%(rules)s::text[])
  AND (%(whole)s OR NOT whole);

-- name: accepted
SELECT rule FROM integration.suspicions
WHERE company_id = %(company_id)s AND entity = %(entity)s AND accepted_at IS NOT NULL;

-- name: accept
UPDATE integration.suspicions SET accepted_at = now(), accepted_by = %(accepted_by)s
WHERE company_id = %(company_id)s AND accepted_at IS NULL
  AND (cardinality(%(entities)s::text[]) = 0 OR entity = ANY(%(entities)s))
RETURNING entity;

-- name: open
SELECT entity, message FROM integration.suspicions
WHERE company_id = %(company_id)s AND accepted_at IS NULL ORDER BY entity, rule;
