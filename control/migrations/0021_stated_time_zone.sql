-- The time zone that Buildertrend itself states wins over the one that the admin chose.
ALTER TABLE integration.connections ADD COLUMN stated_time_zone text;
COMMENT ON COLUMN integration.connections.stated_time_zone IS 'IANA name of the zone that Buildertrend stated last; null: it never stated one that is known.';
