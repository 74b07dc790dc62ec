-- mail.sqlite, after all migrations. A picture: a test compares it, nothing runs it.

CREATE TABLE mailbox (
    -- One mailbox of the account. A row that no snapshot names (any more) is not listed, but stays
    -- as long as messages lie in it, so that what the server says of them is never lost.
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    listed INTEGER NOT NULL DEFAULT 0,
    name TEXT NOT NULL DEFAULT '',
    parent TEXT,
    role TEXT,
    sort_order INTEGER NOT NULL DEFAULT 0,
    server_total INTEGER NOT NULL DEFAULT 0,
    -- Kept counts: of each list its rows, and those of them that are unread. They always equal a
    -- recount.
    messages INTEGER NOT NULL DEFAULT 0,
    unread_messages INTEGER NOT NULL DEFAULT 0,
    starred_messages INTEGER NOT NULL DEFAULT 0,
    file_messages INTEGER NOT NULL DEFAULT 0,
    unread_starred_messages INTEGER NOT NULL DEFAULT 0,
    unread_file_messages INTEGER NOT NULL DEFAULT 0,
    threads INTEGER NOT NULL DEFAULT 0,
    unread_threads INTEGER NOT NULL DEFAULT 0,
    starred_threads INTEGER NOT NULL DEFAULT 0,
    file_threads INTEGER NOT NULL DEFAULT 0,
    unread_starred_threads INTEGER NOT NULL DEFAULT 0,
    unread_file_threads INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE thread (
    -- A conversation as the server groups it. Keys reach the page, so they are never used twice.
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE message (
    -- A message without its body. The key is the 8-second slot of its receipt since 2000, or the
    -- next free one: below 2^53 and in the order of time. Long columns stand last.
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    thread INTEGER NOT NULL REFERENCES thread (key),
    received_at INTEGER NOT NULL,
    -- 1 unread, 2 starred, 4 has a file; follows keywords.
    flags INTEGER NOT NULL,
    size INTEGER NOT NULL,
    sender TEXT NOT NULL,
    keywords TEXT NOT NULL,
    subject TEXT NOT NULL,
    preview TEXT NOT NULL,
    blob TEXT NOT NULL,
    -- Addresses and reference headers, JSON.
    detail TEXT NOT NULL
) STRICT;

CREATE INDEX message_thread ON message (thread, received_at);

CREATE TABLE placement (
    -- A message in a mailbox: the list of single messages, in its order.
    mailbox INTEGER NOT NULL REFERENCES mailbox (key),
    received_at INTEGER NOT NULL,
    message INTEGER NOT NULL REFERENCES message (key),
    flags INTEGER NOT NULL,
    PRIMARY KEY (mailbox, received_at, message)
) STRICT, WITHOUT ROWID;

CREATE INDEX placement_message ON placement (message, mailbox);

CREATE INDEX placement_unread ON placement (mailbox, received_at, message, flags) WHERE flags & 1;

CREATE INDEX placement_starred ON placement (mailbox, received_at, message, flags) WHERE flags & 2;

CREATE INDEX placement_file ON placement (mailbox, received_at, message, flags) WHERE flags & 4;

CREATE TABLE thread_mailbox (
    -- A conversation in a mailbox: the list of conversations. Written by the writer, never by
    -- triggers; counts and names cover the conversation's messages in this mailbox only.
    mailbox INTEGER NOT NULL REFERENCES mailbox (key),
    thread INTEGER NOT NULL REFERENCES thread (key),
    latest_at INTEGER NOT NULL,
    latest INTEGER NOT NULL,
    message_count INTEGER NOT NULL,
    unread_count INTEGER NOT NULL,
    starred_count INTEGER NOT NULL,
    file_count INTEGER NOT NULL,
    -- Display names of the newest five senders, oldest first, JSON.
    senders TEXT NOT NULL,
    PRIMARY KEY (mailbox, thread)
) STRICT, WITHOUT ROWID;

CREATE INDEX thread_mailbox_thread ON thread_mailbox (thread);

CREATE INDEX thread_mailbox_latest ON thread_mailbox (mailbox, latest_at, thread);

CREATE INDEX thread_mailbox_unread ON thread_mailbox (mailbox, latest_at, thread, unread_count)
    WHERE unread_count > 0;

CREATE INDEX thread_mailbox_starred ON thread_mailbox (mailbox, latest_at, thread, starred_count)
    WHERE starred_count > 0;

CREATE INDEX thread_mailbox_file ON thread_mailbox (mailbox, latest_at, thread, file_count)
    WHERE file_count > 0;

CREATE TABLE pending (
    -- Mirror of the open intents of local.sqlite, so that one transaction sees both what the
    -- server says and what the person wants.
    intent INTEGER PRIMARY KEY,
    keywords TEXT NOT NULL,
    add_to TEXT NOT NULL,
    remove_from TEXT NOT NULL
) STRICT;

CREATE TABLE pending_message (
    -- Which messages an open intent is about, by the server's id: they may not be here yet.
    message_id TEXT NOT NULL,
    intent INTEGER NOT NULL REFERENCES pending (intent),
    PRIMARY KEY (message_id, intent)
) STRICT, WITHOUT ROWID;

CREATE INDEX pending_message_intent ON pending_message (intent);

CREATE TABLE server_value (
    -- What the server says of a message that has open intents; the message row has their result.
    message INTEGER PRIMARY KEY REFERENCES message (key),
    keywords TEXT NOT NULL,
    -- Mailbox keys, JSON.
    mailboxes TEXT NOT NULL
) STRICT;

CREATE TABLE sweep_mark (
    -- Messages the server has named since a lost state was noticed; the others go at the end.
    message INTEGER PRIMARY KEY REFERENCES message (key) ON DELETE CASCADE
) STRICT;

CREATE TABLE forgotten (
    -- Messages that are gone and whose body still has to leave body.sqlite.
    message_id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE progress (
    -- One row: how far synchronisation is, written together with the rows it speaks of.
    id INTEGER PRIMARY KEY CHECK (id = 1),
    change_number INTEGER NOT NULL DEFAULT 0,
    mailbox_state TEXT,
    message_state TEXT,
    fill TEXT NOT NULL DEFAULT 'start' CHECK (fill IN ('start', 'filling', 'complete')),
    fill_oldest INTEGER NOT NULL DEFAULT 0,
    fill_done INTEGER NOT NULL DEFAULT 0,
    fill_total INTEGER,
    last_success INTEGER,
    -- Number of the newest sweep, and whether it is still running.
    sweep INTEGER NOT NULL DEFAULT 0,
    sweeping INTEGER NOT NULL DEFAULT 0
) STRICT;

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

CREATE INDEX message_unread ON message (key) WHERE flags & 1;

CREATE INDEX message_starred ON message (key) WHERE flags & 2;

CREATE INDEX message_file ON message (key) WHERE flags & 4;
