-- name: take_lock
-- Only one session migrates at a time; the lock is held until its connection ends.
SELECT pg_try_advisory_lock(%(lock)s);

-- name: lock_holder
SELECT a.pid, a.application_name, a.usename, host(a.client_addr), a.state = 'idle'
FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (l.classid::bigint << 32 | l.objid::bigint) = %(lock)s;

-- name: longest_transaction
-- Whoever has been in a transaction for longest: most likely the one that a change of a table waits for.
SELECT a.pid, a.application_name, a.usename, host(a.client_addr), a.state = 'idle'
FROM pg_stat_activity AS a
WHERE a.datname = current_database() AND a.xact_start IS NOT NULL AND a.pid <> pg_backend_pid()
ORDER BY a.xact_start LIMIT 1;
