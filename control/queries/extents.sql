-- name: counts
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

-- name: durations
-- Seconds of the newest run of each kind that came to its end in one attempt.
SELECT DISTINCT ON (read) read, extract(epoch FROM finished_at - started_at)::double precision AS seconds
FROM integration.runs
WHERE company_id = %(company_id)s AND state IN ('completed', 'held') AND attempts = 1
ORDER BY read, run_seq DESC;
