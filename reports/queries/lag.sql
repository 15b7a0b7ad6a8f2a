-- name: sink_offsets
-- The next offset to merge, of the newest creation of each topic.
SELECT DISTINCT ON (topic, partition) topic, partition, next_offset
FROM protiv.sink_offsets ORDER BY topic, partition, generation DESC;
