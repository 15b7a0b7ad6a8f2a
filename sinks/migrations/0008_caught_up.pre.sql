-- When the sink last had all of a partition: longer ago than deletions are kept on the topic, and some were never heard of.

ALTER TABLE protiv.sink_offsets ADD COLUMN caught_up_at timestamptz NOT NULL DEFAULT now();
UPDATE protiv.sink_offsets SET caught_up_at = updated_at;
COMMENT ON COLUMN protiv.sink_offsets.caught_up_at IS 'When everything on the partition was last known to be merged, to within minutes.';
