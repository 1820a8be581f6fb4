-- The Unix permissions that the store was made with, or was last given. Internal.
CREATE TABLE _file_mode (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    mode INTEGER NOT NULL CHECK (mode BETWEEN 0 AND 511)
) STRICT;
