"""Every source is named in a fragment of the makefile, and so is built and distributed."""

import re

import rules

ENDINGS = (".c", ".h", ".def", ".py", ".sh", ".1", ".5", ".7", ".8")


def check(tree):
    named = set()
    for path in tree.files(".am"):
        named.update(re.findall(r"[\w./-]+", re.sub(r"^#.*", "", tree.read(path), flags=re.M)))
    for path in tree.files(*ENDINGS):
        folders = path.split("/")
        whole = any("/".join(folders[:count]) in named for count in range(2, len(folders) + 1))
        program = path.endswith(".c") and path[:-2] in named  # built from the source of its name
        if "/" in path and not whole and not program:
            yield f"{path}:1: no fragment (*.am) names it"


FIRES = [
    ("a source that nothing builds", {"common/a.am": "# common/b.c\n", "common/b.c": ""},
     "common/b.c:1:"),
]
PASSES = [
    ("a source and a folder that are named",
     {"a.am": "x = \\\n\tcommon/b.c \\\n\tcommon/b.h\nEXTRA_DIST += tests/data\n",
      "common/b.c": "", "common/b.h": "", "tests/data/c/d.py": ""}),
    ("the source of a program", {"a.am": "TESTS += tests/unit/a\n", "tests/unit/a.c": ""}),
]

if __name__ == "__main__":
    rules.main(check, FIRES, PASSES)
