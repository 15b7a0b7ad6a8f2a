-- name: upsert
-- A new connection, or new credentials for one: keeps what was published. The sync command that whoever connects
-- sends next begins the sign-in; should it not come, the schedule does a minute later. A run with the old credentials
-- is over (its epoch is): how it ends must not be taken for what became of the new ones. Its lease's owner stays, so
-- that whoever takes the connection next fences it at the brokers too. In another time zone every shift is at another
-- instant, and an earlier import-from date lets older ones in: that takes a read of everything, at once. Another account
-- that was confirmed was so for the credentials of before.
INSERT INTO integration.connections (company_id, username, time_zone, import_from, state, next_due_at)
VALUES (%(company_id)s, %(username)s, %(time_zone)s, %(import_from)s, 'connecting', now() + interval '1 minute')
ON CONFLICT (company_id) DO UPDATE SET
    username = excluded.username, time_zone = excluded.time_zone, import_from = excluded.import_from,
    state = 'connecting', fault = NULL, message = NULL, next_due_at = excluded.next_due_at, updated_at = now(),
    hint = NULL, sign_ins_unanswered = 0, failures = 0, outage_since = NULL, yielded_at = NULL,
    next_glance_at = 'infinity', glance_failures = 0, glance_jobs = NULL, session_timeout_s = NULL,
    pending_builder_id = NULL, pending_builder_name = NULL, accept_builder_id = NULL,
    last_full_at = CASE WHEN excluded.time_zone = connections.time_zone
        AND (connections.import_from IS NULL OR excluded.import_from >= connections.import_from)
        THEN connections.last_full_at END,
    refused_username = NULL, refused_fault = NULL, refused_message = NULL, refused_at = NULL,
    paused_by = NULL, paused_reason = NULL, paused_at = NULL,
    lease_epoch = connections.lease_epoch + 1, lease_expires_at = '-infinity';

-- name: keep_previous
-- Before a Reconnect: what signed in last is put aside, to go back to should the new credentials be refused. What never
-- signed in, or was refused itself, is nothing to go back to; what is aside already stays.
WITH good AS (
    UPDATE integration.connections SET previous_username = username, previous_time_zone = time_zone,
        previous_import_from = import_from
    WHERE company_id = %(company_id)s AND state IN ('connected', 'paused') AND builder_id IS NOT NULL
      AND (fault IS NULL OR fault <> ALL(%(refusing)s)) AND previous_username IS NULL
    RETURNING company_id
)
UPDATE integration.credentials SET kind = 'previous-' || kind
WHERE company_id IN (SELECT company_id FROM good) AND kind IN ('password', 'session');

-- name: restore_previous_credentials
-- The new credentials were refused: those before are used again, at once. No row where there are none.
WITH back AS (
    UPDATE integration.connections
    SET refused_username = username, refused_fault = %(fault)s, refused_message = %(message)s, refused_at = now(),
        username = previous_username, time_zone = previous_time_zone, import_from = previous_import_from,
        previous_username = NULL, previous_time_zone = NULL, previous_import_from = NULL,
        state = 'connected', fault = NULL, message = NULL, next_due_at = now(), updated_at = now()
    WHERE company_id = %(company_id)s AND previous_username IS NOT NULL
      AND EXISTS (SELECT FROM integration.credentials AS p
                  WHERE p.company_id = %(company_id)s AND p.kind = 'previous-password')
    RETURNING company_id
)
DELETE FROM integration.credentials
WHERE company_id IN (SELECT company_id FROM back) AND kind IN ('password', 'session');

-- name: restore
UPDATE integration.credentials SET kind = replace(kind, 'previous-', '')
WHERE company_id = %(company_id)s AND kind IN ('previous-password', 'previous-session')
RETURNING kind;

-- name: has_previous
SELECT 1 FROM integration.credentials WHERE company_id = %(company_id)s AND kind = 'previous-password';

-- name: previous_credentials_restored
SELECT 1 FROM integration.connections WHERE company_id = %(company_id)s AND state = 'connected' AND refused_fault = %(fault)s
    AND previous_username IS NULL AND refused_at > now() - interval '1 hour';

-- name: put_credential
-- Names no column of the row that is there: whoever may only write the secret could not run it otherwise.
INSERT INTO integration.credentials (company_id, kind, key_id, sealed)
VALUES (%(company_id)s, %(kind)s, %(key_id)s, %(sealed)s)
ON CONFLICT (company_id, kind) DO UPDATE SET key_id = %(key_id)s, sealed = %(sealed)s, updated_at = now();

-- name: drop_credential
DELETE FROM integration.credentials WHERE company_id = %(company_id)s AND kind = %(kind)s;

-- name: credential
SELECT key_id, sealed FROM integration.credentials WHERE company_id = %(company_id)s AND kind = %(kind)s;

-- name: get
SELECT company_id, username, time_zone, import_from, state, fault, message, hint, builder_id, builder_name,
    paused_by, paused_reason, paused_at, initial_done_at, last_full_at, last_success_at, next_due_at,
    glance_failures, glance_jobs, working_hours, session_timeout_s
FROM integration.connections WHERE company_id = %(company_id)s;

-- name: list
SELECT company_id, username, time_zone, import_from, state, fault, message, hint, builder_id, builder_name,
    paused_by, paused_reason, paused_at, initial_done_at, last_full_at, last_success_at, next_due_at,
    glance_failures, glance_jobs, working_hours, session_timeout_s
FROM integration.connections ORDER BY company_id;

-- name: shared_sessions
-- Sessions of the same Buildertrend user, newest first, each with the password that it belongs to; the company's own too.
SELECT s.company_id, s.key_id, s.sealed, p.key_id, p.sealed
FROM integration.connections AS me
JOIN integration.connections AS c ON lower(c.username) = lower(me.username) AND c.state <> 'disconnected'
JOIN integration.credentials AS s ON s.company_id = c.company_id AND s.kind = 'session'
JOIN integration.credentials AS p ON p.company_id = c.company_id AND p.kind = 'password'
WHERE me.company_id = %(company_id)s
ORDER BY s.updated_at DESC
LIMIT 10;

-- name: lease_due
-- The connections that want work and are nobody's now, the longest due first; a command counts as due since it came.
-- Who made room for others stands behind all that were waiting then. Each part has an index.
WITH asked AS (
    SELECT company_id, min(greatest(received_at, due_at)) AS since FROM integration.commands
    WHERE state <> 'done' AND answer IS NULL AND due_at <= now() GROUP BY company_id
), queue AS (
    SELECT company_id, min(since) AS since FROM (
        SELECT company_id, since FROM asked
        UNION ALL
        SELECT company_id, next_due_at FROM integration.connections
        WHERE state IN ('connecting', 'connected') AND next_due_at <= now()
        UNION ALL
        SELECT company_id, next_glance_at FROM integration.connections
        WHERE state = 'connected' AND next_glance_at <= now()
    ) AS each GROUP BY company_id
), wanted AS (
    SELECT c.company_id, c.lease_owner IS NOT NULL AS fences
    FROM queue JOIN integration.connections AS c USING (company_id)
    WHERE c.lease_expires_at < now()
    ORDER BY greatest(queue.since, c.yielded_at)
    LIMIT %(limit)s
    FOR UPDATE OF c SKIP LOCKED
)
UPDATE integration.connections AS c
SET lease_owner = %(owner)s, lease_epoch = c.lease_epoch + 1,
    lease_expires_at = now() + make_interval(secs => %(ttl_s)s)
FROM wanted WHERE c.company_id = wanted.company_id
RETURNING c.company_id, c.lease_epoch, wanted.fences;

-- name: renew_leases
-- Only those come back that no other poller has taken over.
UPDATE integration.connections AS c SET lease_expires_at = now() + make_interval(secs => %(ttl_s)s)
FROM unnest(%(company_ids)s::text[], %(epochs)s::bigint[]) AS mine(company_id, epoch)
WHERE c.company_id = mine.company_id AND c.lease_epoch = mine.epoch
RETURNING c.company_id, c.lease_epoch;

-- name: waiting
-- How many connections want work that nobody does now.
SELECT count(*) FROM integration.connections AS c
WHERE c.lease_expires_at < now() AND (
    (c.state IN ('connecting', 'connected') AND c.next_due_at <= now())
    OR (c.state = 'connected' AND c.next_glance_at <= now())
    OR EXISTS (SELECT FROM integration.commands AS k WHERE k.company_id = c.company_id AND k.state <> 'done'
        AND k.answer IS NULL AND k.due_at <= now()));

-- name: release_lease
UPDATE integration.connections
SET lease_owner = NULL, lease_expires_at = '-infinity',
    yielded_at = CASE WHEN %(yielded)s THEN now() END
WHERE company_id = %(company_id)s AND lease_epoch = %(epoch)s;

-- name: hold_epoch
SELECT integration.hold_epoch(%(company_id)s, %(epoch)s);

-- name: back_off
-- Nobody works on it before the pause is over: its lease lasts as long. Under the epoch, as a release is.
UPDATE integration.connections
SET lease_expires_at = now() + make_interval(secs => %(pause_s)s), failures = failures + 1, fault = %(fault)s,
    message = %(message)s, updated_at = now()
WHERE company_id = %(company_id)s AND lease_epoch = %(epoch)s;

-- name: failures
SELECT failures FROM integration.connections WHERE company_id = %(company_id)s;

-- name: note_outage
-- Since when an outage of our own services lasts for this connection; in seconds.
UPDATE integration.connections SET outage_since = coalesce(outage_since, now())
WHERE company_id = %(company_id)s AND lease_epoch = %(epoch)s
RETURNING extract(epoch FROM now() - outage_since)::float8;

-- name: show_outage
UPDATE integration.connections
SET fault = %(fault)s, message = %(message)s, updated_at = now(),
    lease_expires_at = now() + make_interval(secs => %(pause_s)s)
WHERE company_id = %(company_id)s AND lease_epoch = %(epoch)s AND state IN ('connecting', 'connected');

-- name: set_signed_in
-- These credentials are in: those of before a Reconnect are of no more use. What is incomplete stays so until a read makes
-- it good, and an outage of our own until a run has come to its end.
WITH old AS (
    DELETE FROM integration.credentials
    WHERE company_id = %(company_id)s AND kind IN ('previous-password', 'previous-session')
)
UPDATE integration.connections
SET state = 'connected',
    fault = CASE WHEN fault = 'source-incomplete' OR outage_since IS NOT NULL THEN fault END,
    message = CASE WHEN fault = 'source-incomplete' OR outage_since IS NOT NULL THEN message END,
    builder_id = %(builder_id)s, builder_name = %(builder_name)s, session_timeout_s = %(session_timeout_s)s,
    previous_username = NULL, previous_time_zone = NULL, previous_import_from = NULL,
    updated_at = now()
WHERE company_id = %(company_id)s;

-- name: set_succeeded
-- A read of the window went well and one of everything was incomplete: that stays the fault. Whether glances may ask for
-- all jobs is tried again after each read of everything.
UPDATE integration.connections
SET state = 'connected', fault = CASE WHEN left_over.message IS NOT NULL THEN 'source-incomplete' END,
    message = left_over.message, last_success_at = %(at)s, failures = 0, outage_since = NULL,
    next_due_at = coalesce(%(next_due_at)s, next_due_at),
    next_glance_at = coalesce(%(next_glance_at)s, next_glance_at),
    initial_done_at = CASE WHEN %(full)s THEN coalesce(initial_done_at, %(at)s) ELSE initial_done_at END,
    last_full_at = CASE WHEN %(full)s THEN %(at)s ELSE last_full_at END,
    glance_jobs = CASE WHEN NOT %(full)s THEN glance_jobs END,
    updated_at = now()
FROM (SELECT string_agg(entity || ': ' || message, ' ' ORDER BY entity) AS message FROM integration.incomplete_reads
    WHERE company_id = %(company_id)s) AS left_over
WHERE company_id = %(company_id)s;

-- name: set_incomplete
UPDATE integration.connections
SET state = 'connected', fault = %(fault)s, message = %(message)s, failures = 0, outage_since = NULL,
    next_due_at = coalesce(%(next_due_at)s, next_due_at),
    next_glance_at = coalesce(%(next_glance_at)s, next_glance_at),
    initial_done_at = CASE WHEN %(full)s THEN coalesce(initial_done_at, %(at)s) ELSE initial_done_at END,
    last_full_at = CASE WHEN %(full)s THEN %(at)s ELSE last_full_at END,
    updated_at = now()
WHERE company_id = %(company_id)s;

-- name: set_failed
-- No glance before the read that failed is tried again.
UPDATE integration.connections
SET state = %(state)s, fault = %(fault)s, message = %(message)s, next_due_at = %(next_due_at)s,
    next_glance_at = greatest(next_glance_at, %(next_due_at)s::timestamptz),
    failures = %(failures)s, outage_since = NULL, updated_at = now()
WHERE company_id = %(company_id)s;

-- name: begin_sign_in
-- Counted before it is sent. No row comes back when earlier ones had no answer and it is too early for another: each may
-- have been counted against the account. The pause doubles with each, up to the usual interval. One that was interrupted
-- (a poller that was killed) and is the only one does not have to wait for long.
UPDATE integration.connections
SET sign_ins_unanswered = sign_ins_unanswered + 1, sign_in_begun_at = now()
WHERE company_id = %(company_id)s
    AND (sign_ins_unanswered = 0 OR sign_in_begun_at + integration.sign_in_pause(connections, %(interrupted_s)s,
        %(first_s)s, %(longest_s)s) <= now())
RETURNING company_id;

-- name: sign_in_wait
-- Seconds until another sign-in may be begun.
SELECT extract(epoch FROM sign_in_begun_at + integration.sign_in_pause(connections, %(interrupted_s)s, %(first_s)s,
    %(longest_s)s) - now())::float8
FROM integration.connections WHERE company_id = %(company_id)s;

-- name: has_unanswered_sign_in
SELECT sign_ins_unanswered > 0 FROM integration.connections WHERE company_id = %(company_id)s;

-- name: sign_in_unanswered
UPDATE integration.connections SET sign_in_ended_at = now() WHERE company_id = %(company_id)s;

-- name: sign_in_answered
UPDATE integration.connections SET sign_ins_unanswered = 0 WHERE company_id = %(company_id)s;

-- name: sign_in_refused
UPDATE integration.connections
SET state = 'needs-attention', fault = %(fault)s, message = %(message)s, updated_at = now()
WHERE company_id = %(company_id)s;

-- name: set_hint
UPDATE integration.connections SET hint = %(hint)s WHERE company_id = %(company_id)s;

-- name: stated_time_zone
SELECT stated_time_zone FROM integration.connections WHERE company_id = %(company_id)s;

-- name: note_stated_time_zone
UPDATE integration.connections SET stated_time_zone = %(zone)s
WHERE company_id = %(company_id)s AND stated_time_zone IS DISTINCT FROM %(zone)s;

-- name: take_time_zone
-- As after a Reconnect in another zone: every shift is at another instant, which takes a read of everything. What was
-- remarked of an earlier zone is at the end of the hint, and goes.
UPDATE integration.connections SET time_zone = %(zone)s, last_full_at = NULL, updated_at = now(),
    hint = concat_ws(' ', nullif(rtrim(split_part(hint, 'Buildertrend states', 1)), ''), %(hint)s::text)
WHERE company_id = %(company_id)s;
