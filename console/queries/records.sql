-- name: held
-- Held deletions, each with what Protiv knows of the record; the newest day first.
SELECT h.entity, h.entity_id, h.held_at, h.released_at, h.released_by, t.work_date AS day, t.total_minutes AS minutes,
    coalesce(t.user_name, u.name, j.name, c.title, b.cost_code_title) AS name,
    coalesce(t.job_name, b.job_name, j.number, u.role) AS detail
FROM integration.held_deletions AS h
LEFT JOIN protiv.time_entries AS t ON h.entity = 'time-entries' AND t.company_id = h.company_id AND t.time_entry_id = h.entity_id
LEFT JOIN protiv.users AS u ON h.entity = 'users' AND u.company_id = h.company_id AND u.user_id = h.entity_id
LEFT JOIN protiv.jobs AS j ON h.entity = 'jobs' AND j.company_id = h.company_id AND j.job_id = h.entity_id
LEFT JOIN protiv.cost_codes AS c ON h.entity = 'cost-codes' AND c.company_id = h.company_id AND c.cost_code_id = h.entity_id
LEFT JOIN protiv.budgets AS b ON h.entity = 'budgets' AND b.company_id = h.company_id AND b.budget_id = h.entity_id
WHERE h.company_id = %(company_id)s
ORDER BY h.entity, t.work_date DESC NULLS LAST, h.entity_id LIMIT %(limit)s OFFSET %(offset)s;

-- name: shifts_waiting
-- Of one status, of all that are not linked (empty), those that have no end for more than 16 hours (open), or those whose
-- update was refused (stale).
SELECT time_entry_id, work_date, user_name, job_id, job_name, cost_code_title, total_minutes, link_status, link_detail
FROM protiv.current_time_entries
WHERE company_id = %(company_id)s
  AND CASE %(status)s WHEN 'open' THEN ended_at IS NULL AND started_at < now() - interval '16 hours'
        WHEN 'stale' THEN link_detail LIKE 'stale: refused update%%'
        WHEN '' THEN link_status NOT IN ('linked', 'split', 'general') ELSE link_status = %(status)s END
  -- One that is still open is split when it ends: nobody has to do anything.
  AND (%(status)s IN ('open', 'stale') OR link_status <> 'several-codes' OR ended_at IS NOT NULL)
  AND (%(subject)s = '' OR %(subject)s = CASE link_status
        WHEN 'waiting-for-job' THEN coalesce(job_name, 'number ' || job_id)
        WHEN 'waiting-for-user' THEN coalesce(user_name, 'number ' || user_id)
        ELSE cost_code_title END)
ORDER BY work_date DESC, time_entry_id LIMIT %(limit)s OFFSET %(offset)s;

-- name: find
-- Records whose id is what was typed, or whose name has it in it; exact ids first, then the newest.
SELECT * FROM (
    SELECT 'time-entries' AS entity, time_entry_id AS entity_id, coalesce(user_name, 'Somebody') AS name,
        coalesce(job_name, 'no job') || coalesce(' · ' || cost_code_title, '') AS detail, work_date AS day,
        total_minutes AS minutes, deleted_at IS NOT NULL AS is_deleted, link_status
    FROM protiv.time_entries
    WHERE company_id = %(company_id)s AND 'time-entries' = ANY(%(entities)s) AND (time_entry_id = %(find)s
        OR work_date::text = %(find)s OR user_name ILIKE %(like)s OR job_name ILIKE %(like)s
        OR cost_code_title ILIKE %(like)s)
    UNION ALL
    SELECT 'jobs', job_id, coalesce(name, ''), coalesce(number, '') || coalesce(' · ' || status, ''), opened_on, NULL,
        deleted_at IS NOT NULL, NULL
    FROM protiv.jobs WHERE company_id = %(company_id)s AND 'jobs' = ANY(%(entities)s)
        AND (job_id = %(find)s OR number = %(find)s OR name ILIKE %(like)s)
    UNION ALL
    SELECT 'users', user_id, coalesce(name, ''), coalesce(role, ''), NULL, NULL, deleted_at IS NOT NULL, NULL
    FROM protiv.users WHERE company_id = %(company_id)s AND 'users' = ANY(%(entities)s)
        AND (user_id = %(find)s OR name ILIKE %(like)s)
    UNION ALL
    SELECT 'cost-codes', cost_code_id, coalesce(title, ''), coalesce(category, ''), NULL, NULL,
        deleted_at IS NOT NULL, NULL
    FROM protiv.cost_codes WHERE company_id = %(company_id)s AND 'cost-codes' = ANY(%(entities)s)
        AND (cost_code_id = %(find)s OR code = %(find)s OR title ILIKE %(like)s)
    UNION ALL
    SELECT 'budgets', budget_id, coalesce(cost_code_title, ''), coalesce(job_name, ''), NULL, budgeted_minutes,
        deleted_at IS NOT NULL, NULL
    FROM protiv.budgets WHERE company_id = %(company_id)s AND 'budgets' = ANY(%(entities)s)
        AND (budget_id = %(find)s OR job_name ILIKE %(like)s OR cost_code_title ILIKE %(like)s)
) AS found
ORDER BY entity_id <> %(find)s, day DESC NULLS LAST, entity, entity_id LIMIT %(limit)s;

-- name: jobs
-- Jobs with hours, those over budget first.
SELECT l.job_id, max(l.job_name) AS name, max(j.status) AS status, sum(l.budgeted_hours) AS budgeted_hours,
    sum(l.actual_hours) AS actual_hours, sum(l.hours_not_linked) AS hours_not_linked
FROM protiv.job_labor AS l
LEFT JOIN protiv.current_jobs AS j ON j.company_id = l.company_id AND j.job_id = l.job_id
WHERE l.company_id = %(company_id)s AND l.job_id IS NOT NULL
    AND (%(find)s = '' OR l.job_name ILIKE %(like)s OR j.number = %(find)s)
GROUP BY l.job_id
HAVING sum(l.budgeted_hours) IS NOT NULL OR sum(l.actual_hours) > 0
ORDER BY sum(l.actual_hours) > coalesce(sum(l.budgeted_hours), 0) AND sum(l.budgeted_hours) IS NOT NULL DESC,
    sum(l.actual_hours) DESC, l.job_id LIMIT %(limit)s OFFSET %(offset)s;

-- name: job
SELECT job_id, name, number, status, street FROM protiv.jobs WHERE company_id = %(company_id)s AND job_id = %(job_id)s;

-- name: labor
-- The 200 cost codes with the most hours, and all others together as one line: the lines add up to the whole job.
WITH lines AS (
    SELECT coalesce(cost_code_title, 'No cost code') AS title, budgeted_hours, actual_hours, budgeted_dollars,
        actual_dollars, shifts, open_shifts, hours_not_linked,
        least(201, row_number() OVER (ORDER BY greatest(coalesce(budgeted_hours, 0), actual_hours) DESC, cost_code_title))
            AS place
    FROM protiv.job_labor
    WHERE company_id = %(company_id)s AND job_id = %(job_id)s
        AND (budgeted_hours IS NOT NULL OR actual_hours > 0 OR shifts > 0)
)
SELECT CASE WHEN place <= 200 THEN min(title) ELSE count(*) || ' more cost codes' END AS title,
    sum(budgeted_hours) AS budgeted_hours, sum(actual_hours) AS actual_hours, sum(budgeted_dollars) AS budgeted_dollars,
    sum(actual_dollars) AS actual_dollars, sum(shifts)::bigint AS shifts, sum(open_shifts)::bigint AS open_shifts,
    sum(hours_not_linked) AS hours_not_linked
FROM lines GROUP BY place ORDER BY place;
