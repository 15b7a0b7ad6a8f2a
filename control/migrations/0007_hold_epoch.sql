-- Fencing as a statement that fails: so a transaction can be sent whole, its COMMIT included, and need no answer between.
CREATE FUNCTION integration.hold_epoch(company text, held bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- Holds the row for this transaction: a takeover waits until it is committed, or sees it undone.
    PERFORM FROM integration.connections WHERE company_id = company AND lease_epoch = held FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'lease epoch % of connection % is over', held, company USING ERRCODE = 'PV001';
    END IF;
END
$$;
COMMENT ON FUNCTION integration.hold_epoch IS 'Lets the transaction go on only under the lease''s epoch, and keeps that from being raised until it ends; error PV001 if it is over.';
