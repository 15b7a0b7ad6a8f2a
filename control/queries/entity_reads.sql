-- name: put
INSERT INTO integration.entity_reads AS r (company_id, entity, complete_through, from_day, run_id, whole_through,
    whole_run_id)
VALUES (%(company_id)s, %(entity)s, %(complete_through)s, %(from_day)s, %(run_id)s,
    CASE WHEN %(whole)s THEN %(complete_through)s::timestamptz END, CASE WHEN %(whole)s THEN %(run_id)s::uuid END)
ON CONFLICT (company_id, entity) DO UPDATE
SET complete_through = excluded.complete_through, from_day = excluded.from_day, run_id = excluded.run_id,
    whole_through = coalesce(excluded.whole_through, r.whole_through),
    whole_run_id = coalesce(excluded.whole_run_id, r.whole_run_id);

-- name: list
SELECT entity, complete_through, from_day, run_id::text, whole_through, whole_run_id::text
FROM integration.entity_reads WHERE company_id = %(company_id)s;
