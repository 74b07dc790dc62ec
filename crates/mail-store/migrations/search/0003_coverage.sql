-- The previous release cannot open this file; it says so and changes nothing.
CREATE TABLE textless (
    -- Messages of the index whose text is not here.
    key INTEGER PRIMARY KEY
) STRICT;

-- Messages taken out since the segments were last merged: until then their words stay in them.
ALTER TABLE part ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;

CREATE TABLE head_state (
    -- One row: the same for the table of subjects and people, and whether it is being merged.
    id INTEGER PRIMARY KEY CHECK (id = 1),
    removed INTEGER NOT NULL DEFAULT 0,
    merging INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO head_state (id) VALUES (1);

-- An index made before this says nothing of texts: it is made anew.
UPDATE follows SET life = x'' WHERE id = 1;
