-- The previous release cannot open this file; it says so and changes nothing.
CREATE TABLE unindexed (
    -- Bodies that came or went and of which the search index does not know it. Noted by the
    -- transaction that changes them; a newer note of a message takes the older one's place.
    note INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE
) STRICT;
