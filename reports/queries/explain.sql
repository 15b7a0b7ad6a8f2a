-- name: connection
SELECT c.company_id, c.time_zone, c.state, c.fault, c.message, c.paused_by, c.paused_reason, c.import_from,
    c.next_due_at, c.lease_expires_at > now() AS leased,
    EXISTS (SELECT FROM integration.runs AS r WHERE r.company_id = c.company_id AND r.state = 'running') AS running
FROM integration.connections AS c WHERE c.company_id = %(company_id)s;

-- name: last_read
-- What was last published of the record, and by which run.
SELECT s.version, s.local_day, r.run_id::text, r.read, r.state AS run_state, r.started_at, r.finished_at
FROM integration.source_state AS s
LEFT JOIN integration.runs AS r
    ON r.company_id = s.company_id AND s.version >> 24 BETWEEN r.first_seq AND r.run_seq
WHERE s.company_id = %(company_id)s AND s.entity = %(entity)s AND s.entity_id = %(entity_id)s;

-- name: entity_read
SELECT complete_through, from_day, whole_through FROM integration.entity_reads
WHERE company_id = %(company_id)s AND entity = %(entity)s;

-- name: incomplete
SELECT message, since FROM integration.incomplete_reads
WHERE company_id = %(company_id)s AND entity = %(entity)s;

-- name: held
SELECT h.run_id::text, h.held_at, h.released_at, h.released_by,
    (SELECT count(*) FROM integration.held_deletions AS o WHERE o.company_id = h.company_id AND o.entity = h.entity
        AND o.released_at IS NULL) AS together
FROM integration.held_deletions AS h
WHERE h.company_id = %(company_id)s AND h.entity = %(entity)s AND h.entity_id = %(entity_id)s;
