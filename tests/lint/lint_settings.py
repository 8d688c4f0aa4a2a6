"""Every option and every key of daemon/settings.c has an entry in its manual page; that of a key says
whether it waits for a restart."""

import re

import rules

SETTINGS = "daemon/settings.c"
OPTIONS_PAGE = "man/p2pchatd.8"
KEYS_PAGE = "man/p2pchatd.conf.5"
ROW = re.compile(r'\{\s*SETTING_\w+,\s*(?:"(\w+)"|NULL),\s*(?:"(\w+)"|NULL),\s*(?:"([\w-]+)"|NULL)'
                 r'[^}]*?\bSETTING_AT_(ONCE|RESTART)\b')
RESTART = "After a restart."


def entry_of(page, section, key):
    """What is said of the key below the heading of its section; None: nothing."""
    below = re.search(rf"^\.Ss \[{section}\]$(.*?)(?=^\.S[sh] |\Z)", page, re.M | re.S)
    found = below and re.search(rf"^\.It Cm {key}=(.*?)(?=^\.(?:It|El)\b|\Z)", below.group(1),
                                re.M | re.S)
    return found and found.group(1)


def check(tree):
    if not tree.has(SETTINGS):
        return
    source = rules.strip_comments(tree.read(SETTINGS))
    options, keys = tree.read(OPTIONS_PAGE), tree.read(KEYS_PAGE)
    rows = list(ROW.finditer(source))
    if not rows:
        yield f"{SETTINGS}:1: no row of the table can be read"
    for row in rows:
        section, key, option, when = row.groups()
        where = f"{SETTINGS}:{source.count(chr(10), 0, row.start()) + 1}"
        if option and not re.search(rf"^\.It .*Fl \\-{option}\b", options, re.M):
            yield f"{where}: --{option} has no entry in {OPTIONS_PAGE}"
        entry = key and entry_of(keys, section, key)
        if key and entry is None:
            yield f"{where}: [{section}] {key}= has no entry in {KEYS_PAGE}"
        elif key and (RESTART in entry) != (when == "RESTART"):
            yield f"{where}: [{section}] {key}=: {KEYS_PAGE} says otherwise when it takes effect"


EXAMPLE = {
    SETTINGS: '    {SETTING_PATH, "Control", "Socket", "socket", \'s\', "PATH",\n     "where",\n'
              '     SETTING_AT_RESTART, f, g},\n'
              '    {SETTING_HELP, NULL, NULL, "help", \'h\', NULL, "this", SETTING_AT_RESTART,\n'
              '     NULL, NULL},\n',
    OPTIONS_PAGE: ".It Fl s , Fl \\-socket Ns = Ns Ar PATH\n.It Fl h , Fl \\-help\n",
    KEYS_PAGE: ".Ss [Control]\n.It Cm Socket= Ns Ar PATH\nAfter a restart.\n.El\n.Ss [Node]\n",
}
FIRES = [
    ("an option without an entry", {**EXAMPLE, OPTIONS_PAGE: ".It Fl \\-help\n"}, "--socket"),
    ("a key without an entry", {**EXAMPLE, KEYS_PAGE: ".Ss [Control]\n"}, "Socket="),
    ("a key below another section",
     {**EXAMPLE, KEYS_PAGE: ".Ss [Control]\n.Ss [Node]\n.It Cm Socket= Ns Ar PATH\n"},
     f"{SETTINGS}:1: [Control] Socket="),
    ("a key that is said to hold at once",
     {**EXAMPLE, KEYS_PAGE: ".Ss [Control]\n.It Cm Socket=\n.It Cm Other=\nAfter a restart.\n"},
     "Socket=: man/p2pchatd.conf.5 says otherwise"),
    ("a key that is said to wait",
     {**EXAMPLE, SETTINGS: EXAMPLE[SETTINGS].replace("RESTART", "ONCE")},
     "Socket=: man/p2pchatd.conf.5 says otherwise"),
    ("a table that cannot be read", {**EXAMPLE, SETTINGS: "x\n"}, "no row"),
]
PASSES = [("a table with its entries", EXAMPLE), ("a tree without the table", {})]

if __name__ == "__main__":
    rules.main(check, FIRES, PASSES)
