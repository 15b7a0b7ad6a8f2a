-- name: hidden
-- The tables of whose rows this role may not see all: row-level security is active for it, and no policy shows it every row.
SELECT current_user, array_agg(c.relname ORDER BY c.relname)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'protiv' AND c.relkind IN ('r', 'p') AND c.relrowsecurity
  AND c.relname = ANY(%(tables)s)
  AND row_security_active(c.oid)
  AND NOT EXISTS (
    SELECT FROM pg_policy AS p
    WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('r', '*')
      AND pg_get_expr(p.polqual, p.polrelid) = 'true'
      AND EXISTS (SELECT FROM unnest(p.polroles) AS r(oid) WHERE r.oid = 0 OR pg_has_role(current_user, r.oid, 'USAGE')))
HAVING count(*) > 0;
