-- Hashes of what had none, so that damage shows; the program fills them in right after this file.
-- NULL where a row could not be read then.

-- Over the run that last changed a ticket and its deletion, and over its versions.
ALTER TABLE _ticket_index ADD COLUMN flags_hash BLOB;
ALTER TABLE _ticket_index ADD COLUMN history_hash BLOB;

-- Over the run that last changed a customer.
ALTER TABLE _customer_index ADD COLUMN flags_hash BLOB;

-- Over the whole reject.
ALTER TABLE _rejects_met ADD COLUMN hash BLOB;

-- Over whole rows of tables with few: categories, agents, tags, ended snapshots, customers of whom
-- only the id is known, and _sync.
CREATE TABLE _row_hashes (
    table_name TEXT NOT NULL,
    id TEXT NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (table_name, id)
) STRICT, WITHOUT ROWID;
