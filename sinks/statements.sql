-- name: update_offsets
-- A sink that was fenced finds another claim, or an offset that is not the one it started from, and changes nothing.
UPDATE protiv.sink_offsets AS held
SET next_offset = new.next_offset, updated_at = now()
FROM unnest(%(topic_ids)s::uuid[], %(partitions)s::int[], %(claims)s::bigint[], %(expected)s::bigint[],
            %(next_offsets)s::bigint[]) AS new (topic_id, partition, claim, expected, next_offset)
WHERE held.topic_id = new.topic_id AND held.partition = new.partition
  AND held.claim = new.claim AND held.next_offset = new.expected;

-- name: count_updated
-- How many of the offsets are updated already: the commit succeeded, and its answer was lost.
SELECT count(*)
FROM protiv.sink_offsets AS held
JOIN unnest(%(topic_ids)s::uuid[], %(partitions)s::int[], %(claims)s::bigint[], %(next_offsets)s::bigint[])
  AS new (topic_id, partition, claim, next_offset)
  ON held.topic_id = new.topic_id AND held.partition = new.partition
 AND held.claim = new.claim AND held.next_offset = new.next_offset;

-- name: claim
-- A claim waits for the transaction of the one before it (the row is locked), then fences it.
INSERT INTO protiv.sink_offsets AS held (topic_id, topic, partition, next_offset, generation, claim)
VALUES (%(topic_id)s, %(topic)s, %(partition)s, 0, coalesce(
    (SELECT max(generation) FROM protiv.sink_offsets WHERE topic_id = %(topic_id)s),
    (SELECT max(generation) + 1 FROM protiv.sink_offsets WHERE topic = %(topic)s), 1), 1)
ON CONFLICT (topic_id, partition) DO UPDATE SET claim = held.claim + 1, updated_at = now()
RETURNING next_offset, generation, claim;

-- name: end_frozen
-- A sink that froze inside a COPY holds its locks for as long as it is frozen: its backend waits for the client, which
-- no time limit of Postgres covers, and the machine's network stack still answers for it. No other COPY lasts longer
-- than the limit.
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND application_name = %(name)s
  AND state = 'active' AND wait_event IN ('ClientRead', 'ClientWrite')
  AND query_start < now() - make_interval(secs => %(after_s)s) AND pid <> pg_backend_pid();

-- name: notify
SELECT pg_notify(%(channel)s, payload) FROM unnest(%(payloads)s::text[]) AS payload;

-- name: is_bound
-- Whether row-level security binds this role on any table.
SELECT bool_or(row_security_active(name::regclass)) FROM unnest(%(tables)s::text[]) AS name;

-- name: applied_migrations
SELECT name, checksum FROM protiv.schema_migrations;

-- name: overdue
-- Claimed partitions that were last merged to their end longer ago than their topic keeps deletions.
SELECT held.topic, held.partition, held.caught_up_at
FROM protiv.sink_offsets AS held
JOIN unnest(%(topic_ids)s::uuid[], %(partitions)s::int[], %(claims)s::bigint[], %(kept_s)s::float8[])
  AS claimed (topic_id, partition, claim, kept_s)
  ON held.topic_id = claimed.topic_id AND held.partition = claimed.partition AND held.claim = claimed.claim
WHERE held.caught_up_at < now() - make_interval(secs => claimed.kept_s);

-- name: caught_up
-- Written every few minutes only: it is compared with weeks.
UPDATE protiv.sink_offsets AS held SET caught_up_at = now()
FROM unnest(%(topic_ids)s::uuid[], %(partitions)s::int[], %(claims)s::bigint[]) AS claimed (topic_id, partition, claim)
WHERE held.topic_id = claimed.topic_id AND held.partition = claimed.partition AND held.claim = claimed.claim
  AND held.caught_up_at < now() - interval '5 minutes';

-- name: lock_partition
-- A sink that claims the partition meanwhile waits for this transaction; if one claimed it before, no row is found.
SELECT true FROM protiv.sink_offsets
WHERE topic_id = %(topic_id)s AND partition = %(partition)s AND claim = %(claim)s AND next_offset = %(merged)s
FOR UPDATE;
