-- Whether the list of categories came whole, so that what it does not name is archived.
ALTER TABLE _runs ADD COLUMN has_categories INTEGER NOT NULL DEFAULT 0;
