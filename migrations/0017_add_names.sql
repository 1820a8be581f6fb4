-- Names that the configuration gives to tags that the API gives as bare ids: which of the rows of tags have theirs from
-- there, and by which names they were last filled. Internal.

CREATE TABLE _named_tags (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE _metrics ADD COLUMN names TEXT NOT NULL DEFAULT '';
