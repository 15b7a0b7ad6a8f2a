-- name: link
-- A lease is renewed every ten seconds: 30 s before it expires somebody has been heard of last.
SELECT c.company_id, c.username, c.time_zone, c.import_from, c.state, c.fault, c.message, c.hint, c.builder_id,
    c.builder_name, c.initial_done_at, c.last_success_at, c.next_due_at, c.paused_by, c.paused_reason, c.paused_at,
    c.pending_builder_id, c.pending_builder_name, c.refused_username, c.refused_fault, c.refused_message, c.refused_at,
    c.lease_expires_at > now() AS leased,
    CASE WHEN c.lease_expires_at > now() THEN c.lease_expires_at - interval '30 seconds' END AS heard_at,
    (SELECT s.updated_at FROM integration.credentials AS s
     WHERE s.company_id = c.company_id AND s.kind = 'session') AS session_at
FROM integration.connections AS c WHERE c.company_id = %(company_id)s;

-- name: now
SELECT now();

-- name: runs
-- Who asked is what the command says. The audit knows those of console and CLI; of others anybody may have written it.
SELECT r.run_id::text, r.read, r.state, r.fault, r.message, r.counts, r.position, r.attempts, r.started_at,
    r.attempted_at, r.finished_at, r.command_id::text, k.type AS command_type,
    k.body->>'requested_by' || CASE WHEN a.command_id IS NULL THEN ' (as stated)' ELSE '' END AS requested_by
FROM integration.runs AS r LEFT JOIN integration.commands AS k ON k.command_id = r.command_id
    LEFT JOIN integration.audit AS a ON a.command_id = r.command_id
WHERE r.company_id = %(company_id)s
  AND (%(state)s::text IS NULL OR r.state = %(state)s)
  AND (r.read = %(read)s OR %(read)s::text IS NULL AND (r.read <> 'glance' OR r.run_id::text = %(run_id)s))
  AND (%(run_id)s::text IS NULL OR r.run_id::text = %(run_id)s)
ORDER BY r.run_seq DESC LIMIT %(limit)s OFFSET %(offset)s;

-- name: checkpoints
SELECT entity, state, began_at, pages_done, pages_total FROM integration.read_checkpoints WHERE run_id::text = %(run_id)s;

-- name: waiting
-- Hours of shifts that are not linked, by what they wait for: of each status the twelve with the most hours, and the rest
-- of them together (`is_rest`), so that none is left out.
WITH shifts AS (
    SELECT link_status, CASE link_status
            WHEN 'waiting-for-job' THEN coalesce(job_name, 'number ' || job_id)
            WHEN 'waiting-for-user' THEN coalesce(user_name, 'number ' || user_id)
            WHEN 'waiting-for-cost-code' THEN cost_code_title
            WHEN 'ambiguous-code' THEN cost_code_title END AS subject,
        total_minutes, work_date, updated_at
    FROM protiv.current_time_entries
    WHERE company_id = %(company_id)s AND link_status NOT IN ('linked', 'split', 'general')
      -- One that is still open is split when it ends: nobody has to do anything.
      AND (link_status <> 'several-codes' OR ended_at IS NOT NULL)
), groups AS (
    SELECT link_status, subject, count(*) AS shifts, coalesce(sum(total_minutes), 0)::bigint AS minutes,
        min(work_date) AS first_day, max(work_date) AS last_day, max(updated_at) AS stored_at,
        row_number() OVER (PARTITION BY link_status
            ORDER BY coalesce(sum(total_minutes), 0) DESC, count(*) DESC, subject) > 12 AS is_rest
    FROM shifts GROUP BY link_status, subject
)
SELECT link_status, CASE WHEN NOT is_rest THEN subject END AS subject, sum(shifts)::bigint AS shifts,
    sum(minutes)::bigint AS minutes, min(first_day) AS first_day, max(last_day) AS last_day,
    max(stored_at) AS stored_at, count(*) AS groups
FROM groups GROUP BY link_status, CASE WHEN NOT is_rest THEN subject END, is_rest
ORDER BY is_rest, minutes DESC, shifts DESC, 2;

-- name: open_shifts
-- Shifts without an end for longer than anybody works.
SELECT count(*) AS shifts, min(started_at) AS since FROM protiv.current_time_entries
WHERE company_id = %(company_id)s AND ended_at IS NULL AND started_at < now() - interval '16 hours';

-- name: stale_shifts
-- Shifts that are stored as they were before an update that was refused: streams say so in link_detail.
SELECT count(*) AS shifts, coalesce(sum(total_minutes), 0)::bigint AS minutes FROM protiv.current_time_entries
WHERE company_id = %(company_id)s AND link_detail LIKE 'stale: refused update%%';

-- name: refused
-- Refused records that nothing newer was read of since; a record that is no longer in Buildertrend is in nobody's way.
SELECT s.entity, count(*) AS records, coalesce(sum(s.minutes), 0)::bigint AS minutes
FROM unnest(%(entities)s::text[], %(entity_ids)s::text[], %(versions)s::bigint[]) AS l(entity, entity_id, version)
JOIN integration.source_state AS s
    ON s.company_id = %(company_id)s AND s.entity = l.entity AND s.entity_id = l.entity_id
WHERE l.version IS NULL OR s.version <= l.version GROUP BY s.entity ORDER BY s.entity;

-- name: stored_at
-- When a row of the company was stored last.
SELECT max(at) FROM (
    SELECT max(updated_at) AS at FROM protiv.time_entries WHERE company_id = %(company_id)s
    UNION ALL SELECT max(updated_at) FROM protiv.cost_codes WHERE company_id = %(company_id)s
    UNION ALL SELECT max(updated_at) FROM protiv.jobs WHERE company_id = %(company_id)s
    UNION ALL SELECT max(updated_at) FROM protiv.users WHERE company_id = %(company_id)s
    UNION ALL SELECT max(updated_at) FROM protiv.budgets WHERE company_id = %(company_id)s
) AS each;

-- name: held
-- Held deletions by entity, with the hours of the shifts among them.
SELECT h.entity, count(*) AS records, min(h.held_at) AS since, bool_and(h.released_at IS NOT NULL) AS released,
    coalesce(sum(t.total_minutes), 0)::bigint AS minutes
FROM integration.held_deletions AS h
LEFT JOIN protiv.time_entries AS t
    ON h.entity = 'time-entries' AND t.company_id = h.company_id AND t.time_entry_id = h.entity_id
WHERE h.company_id = %(company_id)s GROUP BY h.entity ORDER BY h.entity;

-- name: shifts
SELECT min(work_date) AS first_day, max(work_date) AS last_day, count(*) AS shifts,
    coalesce(sum(total_minutes), 0)::bigint AS minutes
FROM protiv.current_time_entries WHERE company_id = %(company_id)s;

-- name: companies
SELECT company_id, builder_name, state, fault, message, last_success_at, next_due_at, lease_expires_at > now() AS leased,
    (SELECT r.state FROM integration.runs AS r WHERE r.company_id = c.company_id AND r.read <> 'glance'
     ORDER BY r.run_seq DESC LIMIT 1) AS run_state,
    (SELECT count(*) FROM integration.held_deletions AS h
     WHERE h.company_id = c.company_id AND h.released_at IS NULL) AS held
FROM integration.connections AS c
WHERE %(find)s = '' OR position(lower(%(find)s) IN lower(company_id)) > 0
    OR position(lower(%(find)s) IN lower(coalesce(builder_name, ''))) > 0
ORDER BY NOT (state = 'needs-attention' OR state = 'connected' AND fault IS NOT DISTINCT FROM 'no-permission'),
    fault IS NULL, company_id LIMIT %(limit)s OFFSET %(offset)s;

-- name: company_counts
SELECT count(*) AS total, count(*) FILTER (WHERE state = 'needs-attention'
        OR state = 'connected' AND fault IS NOT DISTINCT FROM 'no-permission') AS attention,
    count(*) FILTER (WHERE %(find)s = '' OR position(lower(%(find)s) IN lower(company_id)) > 0
        OR position(lower(%(find)s) IN lower(coalesce(builder_name, ''))) > 0) AS found
FROM integration.connections;
