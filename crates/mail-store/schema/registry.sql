-- registry.sqlite, after all migrations. A picture: a test compares it, nothing runs it.

CREATE TABLE account (
    -- An account on this machine. No mail and no secrets: this file is not encrypted.
    id TEXT PRIMARY KEY,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    color TEXT NOT NULL,
    letter TEXT NOT NULL,
    position INTEGER NOT NULL,
    connection TEXT,
    -- Where its mail is, JSON.
    source TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'paused', 'sealed')),
    -- Counts sign-ins.
    epoch INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX account_person ON account (issuer, subject) WHERE state <> 'sealed';
