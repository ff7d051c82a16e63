-- How often a lease has ended without a word of its worker: it has died, or hangs. A job that does that to one worker
-- after the other never comes to its end, and nothing else would tell.
ALTER TABLE jobs ADD COLUMN lapses integer NOT NULL DEFAULT 0;
