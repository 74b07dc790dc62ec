-- registry.sqlite, after all migrations. A picture: a test compares it, nothing runs it.

CREATE TABLE account_group (
    -- Accounts a person reads together: Work, Home.
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    position INTEGER NOT NULL
) STRICT;

CREATE TABLE account (
    -- An account on this machine. No mail and no secrets: this file is not encrypted.
    id TEXT PRIMARY KEY,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    color TEXT NOT NULL,
    letter TEXT NOT NULL,
    -- File name of the picture on its tile.
    picture TEXT,
    position INTEGER NOT NULL,
    group_id TEXT REFERENCES account_group (id) ON DELETE SET NULL,
    unread_mark TEXT NOT NULL DEFAULT 'number' CHECK (unread_mark IN ('number', 'dot', 'none')),
    connection TEXT,
    -- Where its mail is, JSON.
    source TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'paused', 'locked', 'sealed')),
    -- Counts sign-ins.
    epoch INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    sealed_at INTEGER,
    sealed_why TEXT CHECK (sealed_why IN ('signed_out', 'set_aside', 'key_lost')),
    -- Until when the sealed copy is kept; null is for ever.
    keep_until INTEGER,
    -- How far a change of the person's sign-ins is, JSON; null when none is under way.
    link_journal TEXT,
    CHECK ((state = 'sealed') = (sealed_at IS NOT NULL)),
    CHECK ((sealed_at IS NULL) = (sealed_why IS NULL)),
    CHECK (keep_until IS NULL OR sealed_at IS NOT NULL)
) STRICT;

CREATE UNIQUE INDEX account_person ON account (issuer, subject) WHERE state <> 'sealed';
