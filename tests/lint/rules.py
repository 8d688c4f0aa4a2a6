"""What the rules share: the tree as they see it, TAP, and the proof that each one fires.

A rule is a script lint_NAME.py with a function check(tree) that yields findings, each a string
"path:line: what is wrong and what to do", and examples of what it must find and must let pass.
"""

import os
import re
import sys
import traceback

FOLDERS = ("common", "ctl", "daemon", "man", "systemd", "tests")
GENERATED = ("aclocal.m4", "config.log", "config.status", "configure")


class Tree:
    """The source tree: paths from its top, with / between, in order."""

    def __init__(self, top):
        self.top = top

    def paths(self):
        for folder in FOLDERS:
            for where, folders, names in os.walk(os.path.join(self.top, folder)):
                folders[:] = sorted(name for name in folders if name != "__pycache__")
                for name in sorted(names):
                    if not name.endswith("~"):
                        yield os.path.relpath(os.path.join(where, name), self.top)
        for name in sorted(os.listdir(self.top)):
            if os.path.isfile(os.path.join(self.top, name)):
                if name not in GENERATED and not name.endswith("~"):
                    yield name

    def read_bytes(self, path):
        with open(os.path.join(self.top, path), "rb") as file:
            return file.read()

    def has(self, path):
        return os.path.exists(os.path.join(self.top, path))

    def read(self, path):
        return self.read_bytes(path).decode("utf-8")

    def files(self, *endings, under=""):
        """Paths below `under` ("" for everywhere) that end so."""
        return [path for path in self.paths() if path.startswith(under) and path.endswith(endings)]


class Example(Tree):
    """A tree that a rule brings along: a dictionary of path to text."""

    def __init__(self, texts):
        super().__init__(None)
        self.texts = texts

    def paths(self):
        return iter(sorted(self.texts))

    def read_bytes(self, path):
        return self.texts[path].encode("utf-8")

    def has(self, path):
        return any(known == path or known.startswith(path + "/") for known in self.texts)


def numbered(text):
    return enumerate(text.split("\n"), start=1)


def strip_comments(source):
    """C source with comments blanked (lines stay where they are); strings stay."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def blank(match):
        found = match.group()
        return re.sub(r"[^\n]", " ", found) if found.startswith("/") else found

    return token.sub(blank, source)


def _result(number, good, what, findings=()):
    print(f"{'ok' if good else 'not ok'} {number} - {what}")
    for finding in [] if good else findings:
        print(f"# {finding}")
    return good


def main(check, fires, passes=(), skip=None, subject=None):
    """Prints the rule's own tests, then its verdict on the tree, as TAP.

    fires: (what, example, part of a finding); passes: (what, example). An example is a dictionary
    of texts, or whatever else check() takes. `subject` makes that from the tree. `skip` says why
    the rule cannot run here, if so.
    """
    wrap = (lambda example: example) if subject else Example
    print(f"1..{len(fires) + len(passes) + 1}", flush=True)
    if skip:
        for number in range(1, len(fires) + len(passes) + 2):
            print(f"ok {number} # SKIP {skip}")
        return
    good, number = True, 0
    for what, example, part in fires:
        number += 1
        findings = list(check(wrap(example)))
        good &= _result(number, any(part in finding for finding in findings), f"finds {what}",
                        findings or ["nothing found"])
    for what, example in passes:
        number += 1
        findings = list(check(wrap(example)))
        good &= _result(number, not findings, f"lets pass {what}", findings)
    try:
        tree = Tree(os.environ.get("top_srcdir", "."))
        findings = list(check(subject(tree) if subject else tree))
    except Exception:  # a rule that breaks has not held
        findings = traceback.format_exc().splitlines()
    good &= _result(number + 1, not findings, "the tree", findings)
    sys.exit(0 if good else 1)
