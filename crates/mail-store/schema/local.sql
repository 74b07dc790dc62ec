-- local.sqlite, after all migrations. A picture: a test compares it, nothing runs it.

CREATE TABLE intent (
    -- What the person did, until the server has it. Ids grow, so they also order the replay.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Keyword edits, JSON.
    keywords TEXT NOT NULL,
    -- Server ids of mailboxes, JSON.
    add_to TEXT NOT NULL,
    remove_from TEXT NOT NULL
) STRICT;

CREATE TABLE intent_message (
    -- The messages of an intent, by the server's id: the mail file may be rebuilt meanwhile.
    intent INTEGER NOT NULL REFERENCES intent (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    PRIMARY KEY (intent, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE setting (
    -- What the person chose for this account on this machine; small JSON.
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE host (
    -- Hosts that were spoken to for this account, by name.
    name TEXT PRIMARY KEY,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    requests INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
