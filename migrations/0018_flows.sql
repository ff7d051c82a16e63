-- Fair queueing (docs/adr/0052-a-flow-has-a-bound.md): whose jobs wait for each other, so that they do not hold up
-- anybody else's.

-- flow_id: the merchant whose job it is, or whatever else its kind shares a bound by; null: it has no bound
-- held: it is called for now, and waits until its flow has room on the queue; its due_at is a backstop meanwhile
ALTER TABLE jobs ADD COLUMN flow_id uuid, ADD COLUMN held boolean NOT NULL DEFAULT false;
