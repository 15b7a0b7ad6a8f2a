-- name: put
INSERT INTO integration.entity_reads AS r (company_id, entity, complete_through, from_day, run_id, whole_through,
    whole_run_id, records, whole_records)
VALUES (%(company_id)s, %(entity)s, %(complete_through)s, %(from_day)s, %(run_id)s,
    CASE WHEN %(whole)s THEN %(complete_through)s::timestamptz END, CASE WHEN %(whole)s THEN %(run_id)s::uuid END,
    CASE WHEN NOT %(whole)s THEN %(records)s::bigint END, CASE WHEN %(whole)s THEN %(records)s::bigint END)
ON CONFLICT (company_id, entity) DO UPDATE
SET complete_through = excluded.complete_through, from_day = excluded.from_day, run_id = excluded.run_id,
    whole_through = coalesce(excluded.whole_through, r.whole_through),
    whole_run_id = coalesce(excluded.whole_run_id, r.whole_run_id), records = coalesce(excluded.records, r.records),
    whole_records = coalesce(excluded.whole_records, r.whole_records);

-- name: list
SELECT entity, complete_through, from_day, run_id::text, whole_through, whole_run_id::text
FROM integration.entity_reads WHERE company_id = %(company_id)s;

-- name: records
SELECT CASE WHEN %(whole)s THEN whole_records ELSE records END FROM integration.entity_reads
WHERE company_id = %(company_id)s AND entity = %(entity)s;

-- name: made_good
-- A read of the window says nothing of what a read of everything was not shown.
DELETE FROM integration.incomplete_reads
WHERE company_id = %(company_id)s AND entity = %(entity)s AND (%(whole)s OR NOT whole);

-- name: put_incomplete
INSERT INTO integration.incomplete_reads AS r (company_id, entity, run_id, whole, message)
VALUES (%(company_id)s, %(entity)s, %(run_id)s, %(whole)s, %(message)s)
ON CONFLICT (company_id, entity) DO UPDATE
SET run_id = CASE WHEN r.whole > excluded.whole THEN r.run_id ELSE excluded.run_id END,
    whole = r.whole OR excluded.whole, message = excluded.message,
    times = r.times + CASE WHEN r.run_id = excluded.run_id OR r.whole > excluded.whole THEN 0 ELSE 1 END;

-- name: plan_retry
-- Reads of the window that fail between two tries of everything do not put these off.
WITH planned AS (
    UPDATE integration.incomplete_reads
    SET retry_at = now() + make_interval(secs => least(%(longest_s)s, %(first_s)s * 2 ^ least(times - 1, 20)))
    WHERE company_id = %(company_id)s AND run_id = %(run_id)s
    RETURNING retry_at - now() AS pause
)
SELECT extract(epoch FROM min(pause))::double precision FROM planned;

-- name: wants_whole
SELECT EXISTS (SELECT FROM integration.incomplete_reads
    WHERE company_id = %(company_id)s AND whole AND retry_at <= now());
