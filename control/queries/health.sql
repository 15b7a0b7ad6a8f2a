-- name: connections
SELECT state, count(*) FROM integration.connections GROUP BY state;

-- name: overdue
-- How long the one that waits longest has been due, or has had a command, without any poller at it; 0 if none waits.
SELECT greatest(0, extract(epoch FROM now() - min(least(c.next_due_at, k.since))))::double precision
FROM integration.connections AS c
LEFT JOIN LATERAL (
    SELECT min(greatest(received_at, due_at)) AS since FROM integration.commands
    WHERE company_id = c.company_id AND state <> 'done' AND answer IS NULL AND due_at <= now()
) AS k ON true
WHERE c.lease_expires_at < now() AND (k.since IS NOT NULL OR c.state IN ('connecting', 'connected'));

-- name: commands
SELECT count(*) FROM integration.commands WHERE state <> 'done';

-- name: held
SELECT count(*) FROM integration.held_deletions WHERE released_at IS NULL;

-- name: freshness
-- Of each entity, how old what is complete is where it is oldest. Paused and disconnected companies do not count.
SELECT r.entity, extract(epoch FROM now() - min(r.complete_through))::double precision
FROM integration.entity_reads AS r JOIN integration.connections AS c USING (company_id)
WHERE c.state IN ('connecting', 'connected') GROUP BY r.entity;
