-- The previous release cannot open this file: it does not know the states. It says so and changes
-- nothing.
CREATE TABLE account_group (
    -- Accounts a person reads together: Work, Home.
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    position INTEGER NOT NULL
) STRICT;

-- Built anew: SQLite cannot change the check of a column. Nothing refers to the table.
ALTER TABLE account RENAME TO account_before;

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

INSERT INTO account (id, issuer, subject, name, email, color, letter, position, connection,
    source, state, epoch, created_at, sealed_at, sealed_why)
SELECT id, issuer, subject, name, email, color, letter, position, connection,
    source, state, epoch, created_at,
    CASE state WHEN 'sealed' THEN created_at END,
    CASE state WHEN 'sealed' THEN 'signed_out' END
FROM account_before;

DROP TABLE account_before;

-- A person is here once; put-aside copies of the same person may stand beside.
CREATE UNIQUE INDEX account_person ON account (issuer, subject) WHERE state <> 'sealed';
