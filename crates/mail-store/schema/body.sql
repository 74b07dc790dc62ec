-- body.sqlite, after all migrations. A picture: a test compares it, nothing runs it.

CREATE TABLE body (
    -- What a person reads of one message, by the server's id, so that it outlives a rebuilt mail file.
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE,
    -- Dictionary the block was compressed with; 0 means none.
    dictionary INTEGER NOT NULL DEFAULT 0,
    -- Compressed JSON.
    block BLOB NOT NULL
) STRICT;

CREATE TABLE unindexed (
    -- Bodies that came or went and of which the search index does not know it. Noted by the
    -- transaction that changes them; a newer note of a message takes the older one's place.
    note INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE
) STRICT;
