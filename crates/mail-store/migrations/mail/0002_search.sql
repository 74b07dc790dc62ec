-- The previous release cannot open this file; it says so and changes nothing.
CREATE TABLE unindexed (
    -- Messages of which the search index does not know what is here: new, changed, or gone. Noted
    -- by the transaction that changes them.
    message INTEGER PRIMARY KEY,
    -- How often it was noted; who has done an older note leaves it.
    notes INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE search (
    -- One row: what the search index goes by.
    id INTEGER PRIMARY KEY CHECK (id = 1),
    -- This life of the file. Another one has other keys, so an index of it is of no use.
    life BLOB NOT NULL,
    -- How far keys lie from the slots of their messages' receipts: at least, at most.
    drift_least INTEGER NOT NULL,
    drift_most INTEGER NOT NULL
) STRICT;
INSERT INTO search (id, life, drift_least, drift_most)
SELECT 1, randomblob(16), min(0, coalesce(min(drift), 0)), max(0, coalesce(max(drift), 0)) FROM (
    SELECT key - max(-9007194959773695, min(9007194959773695,
        (seconds - (seconds % 8 + 8) % 8) / 8)) AS drift
    FROM (
        SELECT key,
            max(-72057594037927936, min(72057594037927936, received_at)) - 946684800 AS seconds
        FROM message
    )
);

-- Searches without words, newest first.
CREATE INDEX message_unread ON message (key) WHERE flags & 1;
CREATE INDEX message_starred ON message (key) WHERE flags & 2;
CREATE INDEX message_file ON message (key) WHERE flags & 4;
