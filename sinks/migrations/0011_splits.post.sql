-- Parts of a shift add up to it. The sink before 0010 sets a shift's total and knows no parts, so that it could not live
-- with this; rows that it left are corrected by their next record, and are not checked here (NOT VALID).

CREATE FUNCTION protiv.sum_of(parts bigint[]) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT sum(part) FROM unnest(parts) AS part $$;
COMMENT ON FUNCTION protiv.sum_of(bigint[]) IS 'The sum of the numbers; null of none.';

ALTER TABLE protiv.time_entries ADD CONSTRAINT time_entries_split_adds_up CHECK (
  CASE WHEN cardinality(split_minutes) = 0 THEN link_status IS DISTINCT FROM 'split'
    ELSE total_minutes IS NOT NULL AND protiv.sum_of(split_minutes) = total_minutes AND 0 <= ALL (split_minutes)
      AND cost_code_id IS NULL END) NOT VALID;
