-- name: refused
SELECT entity_id, digest, reason, letter_offset FROM integration.refused_rows
WHERE company_id = %(company_id)s AND entity = %(entity)s;

-- name: put
INSERT INTO integration.refused_rows (company_id, entity, entity_id, digest, reason, run_id, letter_offset)
SELECT %(company_id)s, %(entity)s, r.entity_id, r.digest, r.reason, %(run_id)s, r.letter_offset
FROM unnest(%(entity_ids)s::text[], %(digests)s::bytea[], %(reasons)s::text[], %(letter_offsets)s::bigint[])
    AS r(entity_id, digest, reason, letter_offset)
ON CONFLICT (company_id, entity, entity_id) DO UPDATE
SET digest = excluded.digest, reason = excluded.reason, run_id = excluded.run_id, refused_at = now(),
    letter_offset = excluded.letter_offset;

-- name: drop
DELETE FROM integration.refused_rows
WHERE company_id = %(company_id)s AND entity = %(entity)s AND entity_id = ANY(%(entity_ids)s::text[]);
