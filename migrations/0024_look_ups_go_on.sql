-- Where a question that ran out of time goes on: a list at a gateway may have more pages than can be read in one
-- attempt. It belongs to the question, and goes when that is asked anew.
ALTER TABLE jobs ADD COLUMN cursor text;
