-- The previous release cannot open this file; it says so and changes nothing.
CREATE TABLE host (
    -- Hosts that were spoken to for this account, by name.
    name TEXT PRIMARY KEY,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    requests INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
