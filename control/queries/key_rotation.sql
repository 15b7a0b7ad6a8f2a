-- name: all
SELECT company_id, kind, key_id, sealed FROM integration.credentials ORDER BY company_id, kind;

-- name: move
-- Only if it is still the secret that was opened: a poller or an admin may have stored another one meanwhile.
UPDATE integration.credentials SET key_id = %(key_id)s, sealed = %(sealed)s, updated_at = now()
WHERE company_id = %(company_id)s AND kind = %(kind)s AND sealed = %(old)s;
