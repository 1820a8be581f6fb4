-- What the API counted of ratings: a sync that is taken up again goes on from it.
ALTER TABLE _sync_outcomes ADD COLUMN ratings_counted INTEGER;

-- Whether a ticket without a row is rated, as far as a page showed.
ALTER TABLE _rejected ADD COLUMN is_rated INTEGER NOT NULL DEFAULT 0;
