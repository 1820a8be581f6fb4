-- Tickets that the API shows and that have no row, so that counts of both sides agree.
CREATE TABLE _rejected (
    id TEXT NOT NULL PRIMARY KEY,
    created_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
