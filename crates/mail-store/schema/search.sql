-- search.sqlite, after all migrations. A picture: a test compares it, nothing runs it.

CREATE TABLE part (
    -- One index table each, for messages whose keys lie in [min_key, max_key]; newest is searched first.
    number INTEGER PRIMARY KEY,
    min_key INTEGER NOT NULL,
    max_key INTEGER NOT NULL,
    messages INTEGER NOT NULL DEFAULT 0,
    closed INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE watermark (
    -- One row: the change of mail.sqlite up to which the index is complete.
    id INTEGER PRIMARY KEY CHECK (id = 1),
    change_number INTEGER NOT NULL DEFAULT 0
) STRICT;
