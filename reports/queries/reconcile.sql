-- name: source
-- Buildertrend as last read. A shift's hours are known where its row was written with them.
SELECT entity_id, version, local_day AS day, job_id, minutes FROM integration.source_state
WHERE company_id = %(company_id)s AND entity = %(entity)s;
