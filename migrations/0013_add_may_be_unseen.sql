-- What a sync may not have seen, in the row of its run.
ALTER TABLE snapshots ADD COLUMN may_be_unseen_json TEXT;

-- Syncs have no days within which every ticket is read again, but a number of syncs, which follows from what
-- they may spend; none of the earlier ones said it.
ALTER TABLE _sync_outcomes DROP COLUMN refresh_within_days;
ALTER TABLE _sync_outcomes ADD COLUMN syncs_for_all INTEGER;

-- A sync that is taken up again counts ratings again.
ALTER TABLE _sync_outcomes DROP COLUMN ratings_counted;
