-- name: begin
-- Sessions and attempts that are of no more use go on the way.
WITH old_sessions AS (
    DELETE FROM integration.console_sessions WHERE began_at < now() - interval '2 days'
), old_attempts AS (
    DELETE FROM integration.console_attempts WHERE at < now() - interval '1 day'
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

-- name: attempts
SELECT count(*) FROM integration.console_attempts
WHERE kind = %(kind)s AND subject = %(subject)s AND at > now() - make_interval(secs => %(window_s)s);

-- name: note_attempt
INSERT INTO integration.console_attempts (kind, subject) VALUES (%(kind)s, %(subject)s);

-- name: forget_attempts
DELETE FROM integration.console_attempts WHERE kind = %(kind)s AND subject = %(subject)s;
