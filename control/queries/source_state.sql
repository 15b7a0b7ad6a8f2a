-- name: known
SELECT entity_id, fingerprint, digest, filled FROM integration.source_state
WHERE company_id = %(company_id)s AND entity = %(entity)s AND entity_id = ANY(%(entity_ids)s::text[]);

-- name: put
INSERT INTO integration.source_state (company_id, entity, entity_id, fingerprint, version, local_day, parent_id, digest,
    job_id, minutes, filled)
SELECT %(company_id)s, %(entity)s, r.entity_id, r.fingerprint, r.version, r.local_day, r.parent_id, r.digest, r.job_id,
    r.minutes, r.filled
FROM unnest(%(entity_ids)s::text[], %(fingerprints)s::bytea[], %(versions)s::bigint[], %(local_days)s::date[],
    %(parent_ids)s::text[], %(digests)s::bytea[], %(job_ids)s::text[], %(minutes)s::bigint[],
    %(filled)s::integer[])
    AS r(entity_id, fingerprint, version, local_day, parent_id, digest, job_id, minutes, filled)
ON CONFLICT (company_id, entity, entity_id) DO UPDATE
SET fingerprint = excluded.fingerprint, version = excluded.version, local_day = excluded.local_day,
    parent_id = excluded.parent_id, digest = excluded.digest, job_id = excluded.job_id, minutes = excluded.minutes,
    filled = excluded.filled;

-- name: put_digests
UPDATE integration.source_state AS s SET digest = r.digest
FROM unnest(%(entity_ids)s::text[], %(digests)s::bytea[]) AS r(entity_id, digest)
WHERE s.company_id = %(company_id)s AND s.entity = %(entity)s AND s.entity_id = r.entity_id;

-- name: drop
DELETE FROM integration.source_state
WHERE company_id = %(company_id)s AND entity = %(entity)s AND entity_id = ANY(%(entity_ids)s::text[]);

-- name: unseen
-- Published records inside the range of a read that none of its pages showed. Of a job whose deletion is published
-- nothing is shown any more, so that its children are in every range.
SELECT s.entity_id FROM integration.source_state AS s
WHERE s.company_id = %(company_id)s AND s.entity = %(entity)s
  AND (%(from_day)s::date IS NULL OR s.local_day >= %(from_day)s)
  AND (%(to_day)s::date IS NULL OR s.local_day <= %(to_day)s)
  AND (%(parents)s::text[] IS NULL OR s.parent_id = ANY(%(parents)s) OR NOT EXISTS (
      SELECT FROM integration.source_state AS job
      WHERE job.company_id = s.company_id AND job.entity = 'jobs' AND job.entity_id = s.parent_id))
-- EXCEPT hashes or sorts both sides whatever the planner believes of their sizes. An anti-join may become a loop in a
-- loop right after a first read, before statistics know of it: minutes instead of a moment.
EXCEPT SELECT unnest(p.entity_ids) FROM integration.run_pages AS p
WHERE p.run_id = %(run_id)s AND p.entity = %(entity)s
ORDER BY entity_id;

-- name: count
-- All published records of an entity, and those inside the range of a read (see unseen).
SELECT count(*) AS all, count(*) FILTER (WHERE
    (%(from_day)s::date IS NULL OR s.local_day >= %(from_day)s)
  AND (%(to_day)s::date IS NULL OR s.local_day <= %(to_day)s)
    AND (%(parents)s::text[] IS NULL OR s.parent_id = ANY(%(parents)s) OR NOT EXISTS (
        SELECT FROM integration.source_state AS job
        WHERE job.company_id = s.company_id AND job.entity = 'jobs' AND job.entity_id = s.parent_id))
    ) AS in_range
FROM integration.source_state AS s WHERE s.company_id = %(company_id)s AND s.entity = %(entity)s;

-- name: count_whole
-- Records of which no part was missing when they were read: the fingerprint of another has one byte more.
SELECT count(*) FROM integration.source_state
WHERE company_id = %(company_id)s AND entity = %(entity)s AND octet_length(fingerprint) = 16;

-- name: oldest
SELECT min(local_day) FROM integration.source_state WHERE company_id = %(company_id)s AND entity = %(entity)s;

-- name: amounts
-- Records as far as was published: shifts of some days, users, all jobs, the jobs that were worked on in these days, and
-- the jobs that have a budget.
SELECT count(*) FILTER (WHERE s.entity = 'time-entries' AND w.within) AS shifts,
    count(*) FILTER (WHERE s.entity = 'users') AS users,
    count(*) FILTER (WHERE s.entity = 'jobs') AS jobs,
    count(DISTINCT s.job_id) FILTER (WHERE s.entity = 'time-entries' AND w.within) AS worked_jobs,
    count(DISTINCT split_part(s.entity_id, ':', 1)) FILTER (WHERE s.entity = 'budgets') AS budgeted_jobs
FROM integration.source_state AS s, LATERAL (
    SELECT (%(from_day)s::date IS NULL OR s.local_day >= %(from_day)s)
        AND (%(to_day)s::date IS NULL OR s.local_day <= %(to_day)s) AS within
) AS w
WHERE s.company_id = %(company_id)s;
