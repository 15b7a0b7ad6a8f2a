-- name: pulse
SELECT beat, at FROM integration.pulse;

-- name: beat
UPDATE integration.pulse SET beat = greatest(beat, %(above)s) + 1, at = greatest(at, now()) RETURNING beat;

-- name: known_seqs
-- The highest run_seq that the database knows of each of these companies; none where it never heard of one.
SELECT w.company_id, greatest(c.run_seq, f.run_seq) FROM unnest(%(company_ids)s::text[]) AS w(company_id)
LEFT JOIN integration.connections AS c USING (company_id)
LEFT JOIN integration.run_seq_floors AS f USING (company_id)
WHERE c.company_id IS NOT NULL OR f.company_id IS NOT NULL;

-- name: shut_out
-- Nobody works on these companies until `reopen`, or until the time is over; whoever works on one now is fenced off.
UPDATE integration.connections
SET lease_epoch = lease_epoch + 1, lease_owner = coalesce(lease_owner, 'set-back'),
    lease_expires_at = now() + make_interval(secs => %(seconds)s)
WHERE company_id = ANY(%(company_ids)s::text[]);

-- name: reopen
-- A read of everything is due at once; its poller fences whoever may still publish, since the owner stays.
UPDATE integration.connections SET lease_expires_at = '-infinity', next_due_at = now(), last_full_at = NULL
WHERE company_id = ANY(%(company_ids)s::text[]);

-- name: put_floors
INSERT INTO integration.run_seq_floors AS f (company_id, run_seq)
SELECT * FROM unnest(%(company_ids)s::text[], %(run_seqs)s::bigint[])
ON CONFLICT (company_id) DO UPDATE SET run_seq = greatest(f.run_seq, excluded.run_seq), found_at = now();

-- name: end_runs
-- What they read before is no longer what the topics were made from: nothing is gone on from.
UPDATE integration.runs
SET state = 'failed', finished_at = now(), message = 'The database was set back to a state from during this run.'
WHERE company_id = ANY(%(company_ids)s::text[]) AND state = 'running';

-- name: drop_checkpoints
DELETE FROM integration.read_checkpoints AS c USING integration.runs AS r
WHERE c.run_id = r.run_id AND r.company_id = ANY(%(company_ids)s::text[]);

-- name: drop_pages
DELETE FROM integration.run_pages AS p USING integration.runs AS r
WHERE p.run_id = r.run_id AND r.company_id = ANY(%(company_ids)s::text[]);

-- name: put_unconfirmed
-- Of the version that the topic holds nothing is to be unconfirmed. Everything else the next read publishes anew, or deletes.
INSERT INTO integration.source_state AS s (company_id, entity, entity_id, fingerprint, version, local_day, parent_id)
SELECT %(company_id)s, %(entity)s, r.entity_id, %(unconfirmed)s, r.version, r.local_day, r.parent_id
FROM unnest(%(entity_ids)s::text[], %(versions)s::bigint[], %(local_days)s::date[], %(parent_ids)s::text[])
    AS r(entity_id, version, local_day, parent_id)
ON CONFLICT (company_id, entity, entity_id) DO UPDATE
SET fingerprint = excluded.fingerprint, version = excluded.version, digest = NULL,
    local_day = coalesce(excluded.local_day, s.local_day), parent_id = coalesce(excluded.parent_id, s.parent_id)
WHERE s.version <> excluded.version;

-- name: forget_deleted
-- Their deletion is published; the next read that shows one again publishes it as new.
WITH gone AS (
    DELETE FROM integration.source_state AS s USING unnest(%(entity_ids)s::text[], %(versions)s::bigint[])
        AS r(entity_id, version)
    WHERE s.company_id = %(company_id)s AND s.entity = %(entity)s AND s.entity_id = r.entity_id
      AND s.version < r.version
    RETURNING s.entity_id
)
DELETE FROM integration.held_deletions AS h USING gone
WHERE h.company_id = %(company_id)s AND h.entity = %(entity)s AND h.entity_id = gone.entity_id;
