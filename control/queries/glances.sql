-- name: done
-- It says nothing of what the other reads are to show. An outage of our own that nobody was told of is over.
UPDATE integration.connections
SET next_glance_at = coalesce(%(next_glance_at)s::timestamptz, 'infinity'), glance_failures = 0, glance_jobs = %(glance_jobs)s,
    outage_since = CASE WHEN fault IS NOT NULL THEN outage_since END
WHERE company_id = %(company_id)s;

-- name: failed
-- How the other reads stand is not touched, save that they keep a pause that the source asked for, and that one of them
-- begins now where only a read can tell people what is wrong.
UPDATE integration.connections
SET next_glance_at = coalesce(%(next_glance_at)s::timestamptz, 'infinity'), glance_failures = glance_failures + 1,
    next_due_at = CASE WHEN %(read_now)s THEN least(next_due_at, now())
        ELSE greatest(next_due_at, %(not_before)s::timestamptz) END
WHERE company_id = %(company_id)s;

-- name: put_working_hours
UPDATE integration.connections SET working_hours = %(working_hours)s WHERE company_id = %(company_id)s;

-- name: job_ids
-- Of all jobs that are published, those with the newest shifts first.
SELECT j.entity_id FROM integration.source_state AS j
LEFT JOIN (SELECT job_id, max(local_day) AS day FROM integration.source_state
    WHERE company_id = %(company_id)s AND entity = 'time-entries' AND local_day >= %(since)s GROUP BY job_id) AS s
    ON s.job_id = j.entity_id
WHERE j.company_id = %(company_id)s AND j.entity = 'jobs'
ORDER BY s.day DESC NULLS LAST, length(j.entity_id) DESC, j.entity_id DESC;

-- name: record
-- A glance that published something is one of the company's runs: its records name it.
INSERT INTO integration.runs (run_id, company_id, run_seq, first_seq, read, state, position, counts, started_at,
    attempted_at, finished_at)
VALUES (%(run_id)s, %(company_id)s, %(run_seq)s, %(run_seq)s, 'glance', 'completed', %(position)s, %(counts)s,
    %(started_at)s, %(started_at)s, %(finished_at)s);

-- name: drop_old
DELETE FROM integration.runs
WHERE company_id = %(company_id)s AND read = 'glance' AND finished_at < %(finished_at)s - interval '35 days';
