-- search.sqlite, after all migrations. A picture: a test compares it, nothing runs it.

CREATE TABLE part (
    -- One index table each, `text_<number>`: subjects, people, texts, names of files. It holds the
    -- messages whose keys lie from `from_key` up to the next part's.
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    from_key INTEGER NOT NULL UNIQUE,
    -- The lowest and the highest key that ever was in it.
    lowest INTEGER NOT NULL,
    highest INTEGER NOT NULL,
    messages INTEGER NOT NULL DEFAULT 0,
    -- 0 as it is, 1 its segments are to be merged, 2 they are being merged.
    merging INTEGER NOT NULL DEFAULT 0
, removed INTEGER NOT NULL DEFAULT 0) STRICT;

CREATE TABLE follows (
    -- One row: what this index follows.
    id INTEGER PRIMARY KEY CHECK (id = 1),
    -- The life of mail.sqlite it belongs to.
    life BLOB NOT NULL,
    -- Messages with keys below this were never looked at; none when all were.
    below INTEGER,
    -- About how many those are.
    to_do INTEGER NOT NULL
) STRICT;

CREATE VIRTUAL TABLE head USING fts5(
    subject, sender, receiver, copy, hidden, files,
    content = '', contentless_delete = 1, prefix = '1 2 3', tokenize = 'ascii'
);

CREATE TABLE 'head_data'(id INTEGER PRIMARY KEY, block BLOB);

CREATE TABLE 'head_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;

CREATE TABLE 'head_docsize'(id INTEGER PRIMARY KEY, sz BLOB, origin INTEGER);

CREATE TABLE 'head_config'(k PRIMARY KEY, v) WITHOUT ROWID;

CREATE TABLE textless (
    -- Messages of the index whose text is not here.
    key INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE head_state (
    -- One row: the same for the table of subjects and people, and whether it is being merged.
    id INTEGER PRIMARY KEY CHECK (id = 1),
    removed INTEGER NOT NULL DEFAULT 0,
    merging INTEGER NOT NULL DEFAULT 0
) STRICT;
