-- A binding of a group holds for its members: whoever signs in as one, and whoever a session changes to.

-- The rows of a role's groups are its own business too, or the function below could not see them.
CREATE FUNCTION protiv.reader_roles() RETURNS TABLE (identity oid, role_name name, is_itself boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY EXECUTE format($roles$
    WITH RECURSIVE membership (identity, role, is_itself) AS (
      SELECT oid, oid, true FROM pg_roles WHERE rolname IN (current_user, session_user)
      UNION
      SELECT membership.identity, granted.roleid, false
      FROM membership JOIN pg_auth_members AS granted ON granted.member = membership.role
      WHERE %s
    )
    SELECT membership.identity, pg_roles.rolname, membership.is_itself
    FROM membership JOIN pg_roles ON pg_roles.oid = membership.role $roles$,
    -- Since 16 whoever creates a role administers it, which is no membership of its own.
    CASE WHEN current_setting('server_version_num')::int >= 160000
      THEN 'granted.inherit_option OR granted.set_option' ELSE 'true' END);
END
$$;
COMMENT ON FUNCTION protiv.reader_roles() IS
  'The role that signed in and the one that the session changed to, each with itself and all groups that it is a member of, directly or not.';
GRANT EXECUTE ON FUNCTION protiv.reader_roles() TO protiv_reader;

ALTER POLICY own_rows ON protiv.reader_companies
  USING (role_name IN (SELECT roles.role_name FROM protiv.reader_roles() AS roles));

-- Rows of a role itself say which companies it reads; without them those of its groups do, taken together.
CREATE OR REPLACE FUNCTION protiv.reader_company() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT wanted.company_id
  FROM (SELECT nullif(current_setting('protiv.company_id', true), '')) AS wanted (company_id)
  WHERE NOT EXISTS (
    SELECT FROM protiv.reader_roles() AS roles
    JOIN protiv.reader_companies AS bound ON bound.role_name = roles.role_name
    GROUP BY roles.identity
    HAVING NOT CASE WHEN bool_or(roles.is_itself) THEN bool_or(roles.is_itself AND bound.company_id = wanted.company_id)
      ELSE bool_or(bound.company_id = wanted.company_id) END)
$$;

COMMENT ON TABLE protiv.reader_companies IS
  'The companies that a role may read. A role without a row here, of its own or of a group that it is a member of, may read the company that it sets in protiv.company_id, whichever that is.';
COMMENT ON COLUMN protiv.reader_companies.role_name IS
  'The role that signs in, or that a session changes to, or a group that either is a member of. Rows of a role itself count before those of its groups.';
