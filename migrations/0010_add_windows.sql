-- Each window of a run ends with a count on a connection of its own. Kept after the run: what was
-- counted, and what was stored. Internal.
CREATE TABLE _windows (
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id) DEFERRABLE INITIALLY DEFERRED,
    step TEXT NOT NULL,
    from_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'settled', 'unsettled')),
    counted INTEGER,
    stored INTEGER,
    rejected INTEGER,
    rounds INTEGER NOT NULL,
    reason TEXT,
    PRIMARY KEY (snapshot_id, step, from_ms),
    CHECK (from_ms < until_ms)
) STRICT, WITHOUT ROWID;

-- How many tickets of a stretch answers of an unfinished run agreed on (NULL: none did), and
-- whether some of them were seen to vanish. Gone when the run ends.
CREATE TABLE _announced (
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id) DEFERRABLE INITIALLY DEFERRED,
    from_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    tickets INTEGER,
    has_vanished INTEGER NOT NULL,
    CHECK (from_ms < until_ms)
) STRICT;

CREATE INDEX _announced_by_run ON _announced (snapshot_id);

-- The run that last met a ticket without a row.
ALTER TABLE _rejected ADD COLUMN seen_snapshot INTEGER;
