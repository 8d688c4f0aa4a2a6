"""What a library exports, no other library that is linked with it exports too.

The linker takes such a name from whichever archive it meets first, and says nothing.
"""

import os
import re

import lint_calls
import lint_symbols
import rules

LINKED = {  # places in lint_calls.LIBRARIES
    "p2pchatd": (0, 1, 2, 3),
    "p2pchatctl": (0, 4),
}


def exported(text):
    """(name, object) of each global symbol"""
    member = None
    for line in text.splitlines():
        heading = re.search(r"\[([^]]+)\]:$", line)
        member = heading.group(1) if heading else member
        fields = [field.strip() for field in line.split("|")]
        if len(fields) == 7 and re.fullmatch("[TDBRCG]", fields[2]):
            if not lint_symbols.WATCHED.fullmatch(fields[0]):
                yield fields[0], member


def check(texts):
    """texts: what nm says of each library"""
    for program, places in LINKED.items():
        homes = {}
        for place in places:
            for name, member in exported(texts[place]):
                library = os.path.splitext(lint_calls.LIBRARIES[place])[0]
                homes.setdefault(name, []).append(f"{library}: {member}")
        for name, where in sorted(homes.items()):
            if len(where) > 1:
                yield f"{program}: {name} is exported by {' and by '.join(where)}; prefix it"


def defines(member, symbol, kind="T"):
    return lint_symbols.nm(member, (symbol, kind, ".text"))


FIRES = [
    ("two of a name", [defines("bytes.o", "writer_init"), "", defines("writer.o", "writer_init"), "", ""],
     "writer_init is exported by libcommon: bytes.o and by libstore: writer.o"),
    ("two in one library", [defines("a.o", "f") + defines("b.o", "f"), "", "", "", ""], "f is exported"),
]
PASSES = [
    ("statics", [defines("a.o", "f") + defines("b.o", "f", "t"), "", "", "", ""]),
    ("programs apart", ["", "", "", defines("a.o", "run"), defines("b.o", "run")]),
]

if __name__ == "__main__":
    rules.main(check, FIRES, PASSES, subject=lint_calls.subject)
