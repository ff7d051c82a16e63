-- Where those of PayPal's certificates are that have proved an event to be PayPal's. Whoever invents names of
-- certificates uses up what the API fetches of unknown ones; these it fetches all the same, after a start too.
-- See docs/adr/0030-certificates-are-fetched-where-events-come-in.md.
CREATE TABLE paypal_certificates (
    url       text PRIMARY KEY,
    proved_at timestamptz NOT NULL DEFAULT now()
);
