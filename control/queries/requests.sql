-- name: add
INSERT INTO integration.requests AS r (company_id, day, read, kind, requests)
SELECT %(company_id)s, %(day)s, n.read, n.kind, n.requests
FROM unnest(%(reads)s::text[], %(kinds)s::text[], %(requests)s::bigint[]) AS n(read, kind, requests)
ON CONFLICT (company_id, day, read, kind) DO UPDATE SET requests = r.requests + excluded.requests;

-- name: drop_old
DELETE FROM integration.requests WHERE company_id = %(company_id)s AND day < %(day)s::date - 90;
