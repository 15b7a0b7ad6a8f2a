-- name: hold
INSERT INTO integration.held_deletions (company_id, entity, entity_id, run_id)
SELECT %(company_id)s, %(entity)s, unnest(%(entity_ids)s::text[]), %(run_id)s
ON CONFLICT (company_id, entity, entity_id) DO NOTHING;

-- name: drop
DELETE FROM integration.held_deletions
WHERE company_id = %(company_id)s AND entity = %(entity)s AND entity_id = ANY(%(entity_ids)s);

-- name: drop_returned
-- Held records that pages of the run showed again.
DELETE FROM integration.held_deletions AS h
USING integration.run_pages AS p, unnest(p.entity_ids) AS seen(entity_id)
WHERE p.run_id = %(run_id)s AND p.entity = %(entity)s AND h.company_id = %(company_id)s AND h.entity = %(entity)s
  AND h.entity_id = seen.entity_id;

-- name: ids
SELECT entity_id FROM integration.held_deletions
WHERE company_id = %(company_id)s AND entity = %(entity)s AND (released_at IS NOT NULL) = %(released)s;

-- name: release
UPDATE integration.held_deletions SET released_at = now(), released_by = %(released_by)s
WHERE company_id = %(company_id)s AND released_at IS NULL
  AND (cardinality(%(entities)s::text[]) = 0 OR entity = ANY(%(entities)s))
RETURNING entity;

-- name: list
SELECT entity, entity_id, run_id::text, held_at, released_at, released_by
FROM integration.held_deletions WHERE company_id = %(company_id)s ORDER BY entity, entity_id;
