-- The previous release cannot open this file; it says so and changes nothing.
DROP TABLE watermark;
DROP TABLE part;

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
) STRICT;

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
INSERT INTO follows (id, life, below, to_do) VALUES (1, x'', NULL, 0);

-- Subjects, people and names of files of all messages: for words that are still being typed and
-- for single fields.
-- What is inserted is folded already (src/search/fold.rs): the tokenizer only splits at spaces.
CREATE VIRTUAL TABLE head USING fts5(
    subject, sender, receiver, copy, hidden, files,
    content = '', contentless_delete = 1, prefix = '1 2 3', tokenize = 'ascii'
);
-- A batch becomes one segment, however long its texts are.
INSERT INTO head (head, rank) VALUES ('hashsize', 16777216);
