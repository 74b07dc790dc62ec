"""Checks an export with Python's own mailbox module: python3 check_export.py <folder>

Reads every message of every mailbox file, undoes the quoting, and compares its octets with the
manifest. Prints how many placements were compared; ends with 1 at the first difference.
"""

import hashlib
import json
import mailbox
import pathlib
import re
import sys


def digest(octets):
    return hashlib.sha256(octets).hexdigest()


folder = pathlib.Path(sys.argv[1])
manifest = json.loads((folder / "manifest.json").read_text("utf-8"))

places = {box["file"]: [] for box in manifest["mailboxes"]}
for message in manifest["messages"]:
    for place in message["places"]:
        places[place["file"]].append((place["offset"], message))

compared = 0
for file, expected in places.items():
    box = mailbox.mbox(folder / file, create=False)
    expected.sort(key=lambda place: place[0])
    if len(box) != len(expected):
        sys.exit(f"{file}: {len(box)} messages instead of {len(expected)}")
    for key, (_, message) in zip(box.keys(), expected):
        octets = re.sub(rb"(?m)^>(>*From )", rb"\1", box.get_bytes(key))
        if not message["ends_with_line"]:
            octets = octets[:-1]
        if len(octets) != message["size"] or digest(octets) != message["sha256"]:
            sys.exit(f"{file}: {message['id']} differs")
        compared += 1

for message in manifest["messages"]:
    if message["eml"] and digest((folder / message["eml"]).read_bytes()) != message["sha256"]:
        sys.exit(f"{message['eml']} differs")
for file in manifest["files"]:
    octets = (folder / file["name"]).read_bytes()
    if len(octets) != file["octets"] or digest(octets) != file["sha256"]:
        sys.exit(f"{file['name']} differs")
print(compared)
