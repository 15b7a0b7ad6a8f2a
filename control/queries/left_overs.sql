-- name: ask
-- Only what is not known as published: the rest is read, compared and deleted in any case.
INSERT INTO integration.left_overs (company_id, entity, entity_id, version, local_day, parent_id)
SELECT %(company_id)s, %(entity)s, r.entity_id, r.version, r.local_day, r.parent_id
FROM unnest(%(entity_ids)s::text[], %(versions)s::bigint[], %(local_days)s::date[], %(parent_ids)s::text[])
    AS r(entity_id, version, local_day, parent_id)
WHERE EXISTS (SELECT FROM integration.connections AS c WHERE c.company_id = %(company_id)s)
  AND NOT EXISTS (SELECT FROM integration.source_state AS s WHERE s.company_id = %(company_id)s
      AND s.entity = %(entity)s AND s.entity_id = r.entity_id)
ON CONFLICT DO NOTHING;

-- name: take
WITH asked AS (
    DELETE FROM integration.left_overs WHERE company_id = %(company_id)s RETURNING *
)
INSERT INTO integration.source_state AS s (company_id, entity, entity_id, fingerprint, version, local_day, parent_id)
SELECT company_id, entity, entity_id, %(unconfirmed)s, version, local_day, parent_id FROM asked
ON CONFLICT DO NOTHING;
