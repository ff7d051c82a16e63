-- Every entry there is was written under the narrower rule. Nothing is held up while they are read.
ALTER TABLE ledger_entries VALIDATE CONSTRAINT ledger_entries_account_is_known;
