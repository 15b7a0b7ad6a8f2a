"""Everything that schema `protiv` consists of, as text: one line a fact, in a fixed order."""

from __future__ import annotations

import sys

from sinks.migrate import FOLDER
from tests.contract.sinks.fix_postgres import rows

_FACTS = """
SELECT fact FROM (
  SELECT 1 AS part, c.relname AS name, a.attnum AS place,
    format('%%s %%s.%%s %%s%%s%%s', CASE c.relkind WHEN 'v' THEN 'view' ELSE 'column' END, c.relname, a.attname,
      format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN ' not null' END,
      ' default ' || pg_get_expr(d.adbin, d.adrelid)) AS fact
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  WHERE c.relnamespace = 'protiv'::regnamespace AND c.relkind IN ('r', 'v')
  UNION ALL
  SELECT 2, c.relname, 0, format('view %%s (%%s) %%s', c.relname, array_to_string(c.reloptions, ','),
    regexp_replace(pg_get_viewdef(c.oid), '\\s+', ' ', 'g'))
  FROM pg_class c WHERE c.relnamespace = 'protiv'::regnamespace AND c.relkind = 'v'
  UNION ALL
  SELECT 3, conname, 0, format('constraint %%s.%%s %%s', conrelid::regclass, conname,
    regexp_replace(pg_get_constraintdef(oid), '\\s+', ' ', 'g'))
  FROM pg_constraint WHERE connamespace = 'protiv'::regnamespace AND contype <> 'n'
  UNION ALL
  SELECT 4, indexname, 0, indexdef FROM pg_indexes WHERE schemaname = 'protiv'
  UNION ALL
  SELECT 5, tablename, 0,
    format('policy %%s on %%s for %%s to %%s using %%s', policyname, tablename, cmd, roles::text,
      regexp_replace(qual, '[[:space:]]+', ' ', 'g'))
  FROM pg_policies WHERE schemaname = 'protiv'
  UNION ALL
  SELECT 6, relname, 0, format('row security on %%s', relname)
  FROM pg_class WHERE relnamespace = 'protiv'::regnamespace AND relrowsecurity
  UNION ALL
  SELECT 7, proname, 0, regexp_replace(pg_get_functiondef(oid), '\\s+', ' ', 'g')
  FROM pg_proc WHERE pronamespace = 'protiv'::regnamespace
  UNION ALL
  SELECT 8, table_name, 0, format('%%s on %%s for %%s', privilege_type, table_name, grantee)
  FROM information_schema.table_privileges WHERE table_schema = 'protiv' AND grantee = 'protiv_reader'
  UNION ALL
  SELECT 9, c.relname, coalesce(a.attnum, 0), format('comment %%s%%s: %%s', c.relname, '.' || a.attname, o.description)
  FROM pg_description o JOIN pg_class c ON o.classoid = 'pg_class'::regclass AND o.objoid = c.oid
  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = o.objsubid AND o.objsubid > 0
  WHERE c.relnamespace = 'protiv'::regnamespace
) AS facts ORDER BY part, name, place, fact
"""


def described(database_url: str) -> list[str]:
    """The facts of the schema of this database."""
    return [str(row["fact"]) for row in rows(database_url, _FACTS)]


if __name__ == "__main__":
    # The page that the tests compare with, from a database with all migrations.
    (FOLDER / "schema.txt").write_text("\n".join(described(sys.argv[1])) + "\n")
