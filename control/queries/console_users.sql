-- name: add
INSERT INTO integration.console_users (email, name, role, company_id, password_hash)
VALUES (%(email)s, %(name)s, %(role)s, %(company_id)s, %(password_hash)s)
ON CONFLICT (email) DO NOTHING RETURNING user_id::text;

-- name: list
SELECT user_id::text, email, name, role, company_id, password_hash IS NOT NULL AS has_password,
    disabled_at IS NOT NULL AS is_disabled
FROM integration.console_users ORDER BY email;

-- name: by_email
SELECT user_id::text, email, name, role, company_id, password_hash IS NOT NULL AS has_password,
    disabled_at IS NOT NULL AS is_disabled
FROM integration.console_users WHERE email = %(email)s AND disabled_at IS NULL;

-- name: by_subject
SELECT user_id::text, email, name, role, company_id, password_hash IS NOT NULL AS has_password,
    disabled_at IS NOT NULL AS is_disabled
FROM integration.console_users WHERE issuer = %(issuer)s AND subject = %(subject)s AND disabled_at IS NULL;

-- name: bind_subject
-- Only who is bound to nobody yet: an address that changes hands at the provider does not take a user over.
UPDATE integration.console_users SET issuer = %(issuer)s, subject = %(subject)s
WHERE email = %(email)s AND subject IS NULL AND disabled_at IS NULL AND NOT EXISTS (
    SELECT FROM integration.console_users WHERE issuer = %(issuer)s AND subject = %(subject)s);

-- name: password_hash
SELECT password_hash FROM integration.console_users WHERE email = %(email)s AND disabled_at IS NULL;

-- name: set_password
WITH changed AS (
    UPDATE integration.console_users SET password_hash = %(password_hash)s
    WHERE email = %(email)s AND disabled_at IS NULL RETURNING user_id
), ended AS (
    DELETE FROM integration.console_sessions WHERE user_id IN (SELECT user_id FROM changed)
)
SELECT user_id FROM changed;

-- name: disable
WITH changed AS (
    UPDATE integration.console_users SET disabled_at = coalesce(disabled_at, now()), password_hash = NULL,
        issuer = NULL, subject = NULL
    WHERE email = %(email)s RETURNING user_id
), ended AS (
    DELETE FROM integration.console_sessions WHERE user_id IN (SELECT user_id FROM changed)
)
SELECT user_id FROM changed;

-- name: enable
UPDATE integration.console_users SET disabled_at = NULL
WHERE email = %(email)s AND disabled_at IS NOT NULL RETURNING user_id;
