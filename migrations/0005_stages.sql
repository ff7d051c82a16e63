-- A payment may go through several operations at its gateway, one after the other: the charge itself,
-- its completion after the payer has approved, then a capture or a cancellation of what was reserved.
-- Each is a stage with a gateway key of its own (the payment's id and the stage's number), and the calls
-- counted in the row are those of the present stage.

ALTER TABLE payments
    ADD COLUMN stage        text NOT NULL DEFAULT 'charge'
                            CHECK (stage IN ('charge', 'complete', 'capture', 'cancel')),
    ADD COLUMN stage_number integer NOT NULL DEFAULT 0,
    -- how much a capture is to take; the rest is released
    ADD COLUMN stage_amount numeric(19, 4) CHECK (stage_amount BETWEEN 0 AND amount),
    -- what was given back, and what is held for refunds that have no end yet
    ADD COLUMN amount_refunded  numeric(19, 4) NOT NULL DEFAULT 0 CHECK (amount_refunded >= 0),
    ADD COLUMN amount_refunding numeric(19, 4) NOT NULL DEFAULT 0 CHECK (amount_refunding >= 0),
    -- where else it may be charged; null once that was done
    ADD COLUMN fallback jsonb,
    -- without a token the payer chooses at the gateway
    ALTER COLUMN method_token DROP NOT NULL,
    -- However many refunds are asked for at once, they never exceed what was taken.
    ADD CONSTRAINT payments_refunds_within_capture
        CHECK (amount_refunded + amount_refunding <= amount_captured),
    -- A capture or a cancellation that did not happen leaves its reason on a payment that goes on.
    DROP CONSTRAINT payments_failure_is_told,
    ADD CONSTRAINT payments_failure_is_told CHECK (
        CASE status WHEN 'failed' THEN failure_code IS NOT NULL
                    WHEN 'authorized' THEN true
                    ELSE failure_code IS NULL END),
    ADD CONSTRAINT payments_capture_has_amount CHECK (stage <> 'capture' OR stage_amount IS NOT NULL);

-- How often a job was put off because its gateway was given a rest: not counted against it.
ALTER TABLE jobs ADD COLUMN put_off integer NOT NULL DEFAULT 0;
