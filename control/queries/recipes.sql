-- name: get
SELECT recipe FROM integration.recipes WHERE company_id = %(company_id)s AND grid = %(grid)s;

-- name: lock
SELECT recipe FROM integration.recipes WHERE company_id = %(company_id)s AND grid = %(grid)s FOR UPDATE;

-- name: put
-- The same again is seen, and nothing else.
INSERT INTO integration.recipes AS r (company_id, grid, recipe, stated_by)
VALUES (%(company_id)s, %(grid)s, %(recipe)s, %(stated_by)s)
ON CONFLICT (company_id, grid) DO UPDATE SET
    recipe = excluded.recipe, stated_by = excluded.stated_by, seen_at = now(),
    changed_at = CASE WHEN %(differs)s::text[] = '{}' THEN r.changed_at ELSE now() END,
    differs = CASE WHEN %(differs)s::text[] = '{}' THEN r.differs ELSE %(differs)s END,
    told = r.told AND %(differs)s::text[] = '{}';

-- name: tell
UPDATE integration.recipes SET told = true WHERE company_id = %(company_id)s AND NOT told RETURNING grid, differs;
