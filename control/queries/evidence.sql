-- name: add
INSERT INTO integration.evidence AS e (company_id, fact, held, contradicted, first_contradicted_at, last_contradicted_at)
SELECT %(company_id)s, r.fact, r.held, r.contradicted, CASE WHEN r.contradicted > 0 THEN %(at)s::timestamptz END,
    CASE WHEN r.contradicted > 0 THEN %(at)s::timestamptz END
FROM unnest(%(facts)s::text[], %(held)s::bigint[], %(contradicted)s::bigint[]) AS r(fact, held, contradicted)
ON CONFLICT (company_id, fact) DO UPDATE
SET held = e.held + excluded.held, contradicted = e.contradicted + excluded.contradicted,
    first_contradicted_at = coalesce(e.first_contradicted_at, excluded.first_contradicted_at),
    last_contradicted_at = coalesce(excluded.last_contradicted_at, e.last_contradicted_at);

-- name: of_companies
SELECT company_id, fact, held, contradicted, first_contradicted_at, last_contradicted_at
FROM integration.evidence WHERE company_id = ANY(%(company_ids)s) ORDER BY company_id, fact;
