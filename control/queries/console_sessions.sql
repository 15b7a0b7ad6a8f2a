-- name: begin
-- Sessions and attempts that are of no more use go on the way.
WITH old_sessions AS (
    DELETE FROM integration.console_sessions WHERE began_at < now() - interval '2 days'
), old_attempts AS (
    DELETE FROM integration.console_tries WHERE tried_at < now() - interval '1 day'
), signed_in AS (
    UPDATE integration.console_users SET last_sign_in_at = now() WHERE user_id = %(user_id)s
)
INSERT INTO integration.console_sessions (token_hash, user_id) VALUES (%(token_hash)s, %(user_id)s);

-- name: user
SELECT u.user_id::text, u.email, u.name, u.role, u.company_id, u.password_hash IS NOT NULL AS has_password,
    false AS is_disabled
FROM integration.console_sessions AS s JOIN integration.console_users AS u USING (user_id)
WHERE s.token_hash = %(token_hash)s AND u.disabled_at IS NULL
  AND s.seen_at > now() - make_interval(hours => %(idle_h)s)
  AND s.began_at > now() - make_interval(hours => %(longest_h)s);

-- name: seen
-- At most once a minute: a page that refreshes itself must not be a write each time.
UPDATE integration.console_sessions SET seen_at = now()
WHERE token_hash = %(token_hash)s AND seen_at < now() - interval '1 minute';

-- name: end
DELETE FROM integration.console_sessions WHERE token_hash = %(token_hash)s;

-- name: claim
-- One statement, so that of many at once each sees those before it: the row is locked from one to the next. No row comes
-- back while the pause behind an earlier try lasts. now() would be the time at which this transaction began to wait.
INSERT INTO integration.console_tries AS t (kind, subject, tries, tried_at, free_at)
VALUES (%(kind)s, %(subject)s, 1, clock_timestamp(), clock_timestamp())
ON CONFLICT (kind, subject) DO UPDATE SET
    tries = CASE WHEN t.tried_at < clock_timestamp() - make_interval(secs => %(forget_s)s) THEN 1 ELSE t.tries + 1 END,
    tried_at = clock_timestamp(),
    free_at = clock_timestamp() + make_interval(secs => CASE
        WHEN t.tried_at < clock_timestamp() - make_interval(secs => %(forget_s)s) OR t.tries + 1 < %(free)s THEN 0
        ELSE least(%(longest_s)s, %(first_s)s * 2 ^ least(t.tries + 1 - %(free)s, 30)) END)
WHERE t.free_at <= clock_timestamp()
RETURNING tries;

-- name: wait_s
SELECT extract(epoch FROM free_at - clock_timestamp()) FROM integration.console_tries
WHERE kind = %(kind)s AND subject = %(subject)s;

-- name: give_back
UPDATE integration.console_tries SET tries = greatest(0, tries - 1),
    free_at = CASE WHEN tries - 1 < %(free)s THEN clock_timestamp() ELSE free_at END
WHERE kind = %(kind)s AND subject = %(subject)s;

-- name: forget
DELETE FROM integration.console_tries WHERE kind = %(kind)s AND subject = %(subject)s;
