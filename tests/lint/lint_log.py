"""What the daemon's log tells is one table, and everybody who has a part in it has all of it: those who
write the lines, the catalog of the journal, the manual.
"""

import re

import rules

TABLE = "daemon/log_code.def"
CATALOG = "systemd/catalog/p2pchat.catalog"
PAGE = "man/p2pchatd.8"
CORE = "daemon/core/"

ROW = re.compile(r'^LOG_(CODE|NOTE)\((?:(\w+), )?"(\w+)",(?: (?:ERROR|WARNING|NOTICE|INFO|DEBUG),)?'
                 r'\s*(NULL|"[^"]*")', re.M)
ENTRY = re.compile(r"^-- (\S+)$", re.M)
NOTE = re.compile(r"\b(?:node_note|node_note_contact|note|note_link)\(")
STRINGS = re.compile(r"static const char \*const (\w+)\[\w*\] = \{(.*?)\};", re.S)


def rows(tree):
    """(line, NAME or None for a note, name, message id or None)"""
    text = tree.read(TABLE)
    for match in ROW.finditer(rules.strip_comments(text)):
        line = text.count("\n", 0, match.start()) + 1
        ident = match.group(4).strip('"')
        yield line, match.group(2), match.group(3), None if ident == "NULL" else ident


def arguments(text):
    """Of a call that `text` begins behind the parenthesis of: split at the commas that are its own."""
    depth, found = 0, [""]
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        if depth < 0:
            break
        if char == "," and depth == 0:
            found.append("")
        else:
            found[-1] += char
    return [" ".join(argument.split()) for argument in found]


def noted(tree):
    """(path, code) of every code that the core notes"""
    for path in tree.files(".c", under=CORE):
        source = rules.strip_comments(tree.read(path))
        arrays = dict(STRINGS.findall(source))
        for match in NOTE.finditer(source):
            for argument in arguments(source[match.end():]):
                if re.fullmatch(r'"\w+"', argument):
                    yield path, argument.strip('"')
                    break
                if re.fullmatch(r"\w+\[\w+\]", argument) and argument.split("[")[0] in arrays:
                    for code in re.findall(r'"(\w+)"', arrays[argument.split("[")[0]]):
                        yield path, code
                    break


def check_catalog(tree, table):
    catalog = tree.read(CATALOG) if tree.has(CATALOG) else ""
    entries = ENTRY.findall(catalog)
    for line, _, name, ident in table:
        if ident is None:
            continue
        if not re.fullmatch(r"[0-9a-f]{32}", ident):
            yield f"{TABLE}:{line}: {name}: a message id is 32 hexadecimal digits in lower case"
        if entries.count(ident) != 1:
            yield f"{TABLE}:{line}: {name} has {entries.count(ident)} entries in {CATALOG}, not one"
        elif not re.search(rf"^# {name}\n-- {ident}\nSubject: \S.*\nDefined-By: p2pchat\n", catalog,
                           re.M):
            yield f"{TABLE}:{line}: its entry in {CATALOG} does not begin as that of {name}"
    for line, text in rules.numbered(catalog):
        if re.search(r"@\w+@", text):
            yield f"{CATALOG}:{line}: systemd puts in no field whose name has a digit"
    known = {ident for _, _, _, ident in table}
    for ident in entries:
        if ident not in known:
            yield f"{CATALOG}: {ident} is no row of {TABLE}"


def check(tree):
    if not tree.has(TABLE):
        return
    table = list(rows(tree))
    for column, what in ((2, "name"), (3, "message id")):
        values = [row[column] for row in table if row[column] is not None]
        for value in sorted({value for value in values if values.count(value) > 1}):
            yield f"{TABLE}: the {what} {value} stands there twice"
    yield from check_catalog(tree, table)
    shell = "".join(tree.read(path) for path in tree.files(".c", ".h", under="daemon/"))
    page = tree.read(PAGE) if tree.has(PAGE) else ""
    notes = list(noted(tree))
    codes = {code for _, code in notes}
    for line, constant, name, _ in table:
        if constant is not None and not re.search(rf"\bLOG_{constant}\b", shell):
            yield f"{TABLE}:{line}: nothing in daemon/ writes LOG_{constant}"
        if constant is None and name not in codes:
            yield f"{TABLE}:{line}: nothing in {CORE} notes {name}"
        if not re.search(rf"^\.It Li (?:\w+ , )*{name}(?: , \w+)*$", page, re.M):
            yield f"{TABLE}:{line}: {name} has no entry in {PAGE}"
    known = {name for _, constant, name, _ in table if constant is None}
    for path, code in notes:
        if code not in known:
            yield f"{path}: notes {code}, which is no LOG_NOTE of {TABLE}"


ID = "0123456789abcdef0123456789abcdef"
GOOD = {
    TABLE: f'LOG_CODE(READY, "ready", NOTICE, "{ID}")\nLOG_NOTE("lost", NULL, "it is lost")\n',
    CATALOG: f"# ready\n-- {ID}\nSubject: Ready\nDefined-By: p2pchat\n\nIt is.\n",
    PAGE: ".It Li ready\n.It Li found , lost\n",
    "daemon/main.c": "log_coded(LOG_READY, NULL, text);",
    "daemon/core/a.c": 'node_note(node, NOTE_INFO, "lost", key, f(a, b), NULL);',
}
FIRES = [
    ("a row without an entry", {**GOOD, CATALOG: ""}, f"{TABLE}:1: ready has 0 entries"),
    ("an entry of another row", {**GOOD, CATALOG: GOOD[CATALOG].replace("# ready", "# steady")},
     "does not begin"),
    ("an entry without a row", {**GOOD, CATALOG: GOOD[CATALOG] + f"# x\n-- {ID[::-1]}\n"},
     f"{CATALOG}: {ID[::-1]} is no row"),
    ("a field in an entry", {**GOOD, CATALOG: GOOD[CATALOG] + "At @P2PCHAT_ADDRESS@.\n"},
     "no field"),
    ("an id that is none", {**GOOD, TABLE: GOOD[TABLE].replace(ID, "12")}, "32 hexadecimal"),
    ("a name twice", {**GOOD, TABLE: GOOD[TABLE] + 'LOG_NOTE("lost", NULL, "")\n'}, "twice"),
    ("a code that nobody writes", {**GOOD, "daemon/main.c": ""}, "nothing in daemon/ writes"),
    ("a note that nobody makes", {**GOOD, "daemon/core/a.c": ""}, f"nothing in {CORE} notes lost"),
    ("a note that is no row", {**GOOD, "daemon/core/b.c": 'note(node, NOTE_INFO, "gone", key);'},
     "daemon/core/b.c: notes gone"),
    ("a note from a list",
     {**GOOD, "daemon/core/b.c": 'static const char *const all[] = {[A] = "a", [B] = "b"};\n'
                                 "node_note(node, NOTE_INFO, all[i], key, NULL, NULL);"},
     "notes b"),
    ("a code that the manual does not tell", {**GOOD, PAGE: ".It Li ready\n"}, "lost has no entry"),
]
PASSES = [("what is in order", GOOD)]

if __name__ == "__main__":
    rules.main(check, FIRES, PASSES)
