-- name: announce
INSERT INTO integration.announcements (company_id, entity, entity_ids, fingerprints, versions, local_days, parent_ids)
VALUES (%(company_id)s, %(entity)s, %(entity_ids)s::text[], %(fingerprints)s::bytea[], %(versions)s::bigint[],
    %(local_days)s::date[], %(parent_ids)s::text[]);

-- name: withdraw
DELETE FROM integration.announcements WHERE company_id = %(company_id)s;

-- name: mark_unconfirmed
-- An unconfirmed record is published again by the next read that shows it, and deleted by one that does not.
WITH left_over AS (
    DELETE FROM integration.announcements WHERE company_id = %(company_id)s RETURNING *
)
INSERT INTO integration.source_state AS s (company_id, entity, entity_id, fingerprint, version, local_day, parent_id)
SELECT l.company_id, l.entity, r.entity_id, r.fingerprint, r.version, r.local_day, r.parent_id
FROM left_over AS l,
    unnest(l.entity_ids, l.fingerprints, l.versions, l.local_days, l.parent_ids)
        AS r(entity_id, fingerprint, version, local_day, parent_id)
ON CONFLICT (company_id, entity, entity_id) DO UPDATE SET fingerprint = excluded.fingerprint, digest = NULL;

-- name: no_wait_for_disk
SET LOCAL synchronous_commit = off;
