"""Arrows point one way: which folder may include what."""

import fnmatch
import re

import rules

# Who may include whom; the longest folder that fits a file counts, and a folder does not stand for
# those below it. ARCHITECTURE.md draws this table.
MAY_INCLUDE = {
    "common": ["common"],
    "ctl": ["common", "ctl"],
    "daemon": ["common", "daemon", "daemon/core", "daemon/core/chat", "daemon/core/link",
               "daemon/core/overlay", "daemon/store"],
    "daemon/core": ["common", "daemon/core", "daemon/core/chat", "daemon/core/link",
                    "daemon/core/overlay"],
    "daemon/core/chat": ["common", "daemon/core", "daemon/core/chat", "daemon/core/link"],
    "daemon/core/link": ["common", "daemon/core", "daemon/core/link"],
    "daemon/core/overlay": ["common", "daemon/core", "daemon/core/link", "daemon/core/overlay"],
    "daemon/store": ["common", "daemon/core", "daemon/store"],
    "tests": ["*"],
}

# Libraries, and the only files that may name them (tests may name any, but for cmocka).
LIBRARIES = {
    r"(cjson/)?cJSON(_Utils)?\.h": ["common/json.c"],
    r"cmocka\.h": ["tests/unit/unit.h"],
    r"(event2/.*|ev[a-z]*\.h)": ["daemon/*.[ch]"],
    r"ini\.h": ["daemon/config_file.c"],
    r"sodium(/.*|\.h)": ["daemon/core/link/crypto.c", "daemon/entropy.c"],
    r"sqlite3\.h": ["daemon/store/*.[ch]"],
    r"systemd/.*": ["daemon/*.[ch]"],
    r"ut(hash|list|array|ringbuffer|stack|string)\.h": ["daemon/core/table.h"],
    r"utf8proc\.h": ["daemon/core/name.c", "daemon/store/fold.c"],
}

# All that the core may see of the C library: nothing that knows a file, a clock or a process.
CORE_HEADERS = {"inttypes.h", "limits.h", "stdbool.h", "stddef.h", "stdint.h", "stdlib.h",
                "string.h"}

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]*)"|<([^>]*)>)')


def fits(path, pattern):
    """fnmatch, but * stays within a folder and ** does not."""
    parts = [fnmatch.translate(part)[4:-3].replace(".*", "[^/]*") for part in pattern.split("**")]
    return re.fullmatch(".*".join(parts), path) is not None


def folder_of(path, table):
    folder = path.rpartition("/")[0]
    while folder not in table and "/" in folder:
        folder = folder.rpartition("/")[0]
    return folder


def check_quoted(tree, path, name):
    if name == "config.h":
        return
    beside = f"{path.rpartition('/')[0]}/{name}"
    if name.startswith(".") or tree.has(beside) and not tree.has(name):
        yield f'"{name}" is not a path from the top of the tree'
        return
    if name.endswith(".c"):
        yield f'"{name}": source is linked, not included'
    allowed = MAY_INCLUDE[folder_of(path, MAY_INCLUDE)]
    target = folder_of(name, MAY_INCLUDE)
    if allowed != ["*"] and target not in allowed:
        yield f'"{name}": this folder may only include {", ".join(allowed)}'


def check_angled(path, name):
    for pattern, places in LIBRARIES.items():
        if re.fullmatch(pattern, name):
            if path.startswith("tests/") and name != "cmocka.h":
                return
            if not any(fits(path, place) for place in places):
                yield f"<{name}> belongs in {', '.join(places)} only"
            return
    if path.startswith("daemon/core/") and name not in CORE_HEADERS:
        yield f"<{name}>: the core has no I/O, clock or process; only {', '.join(sorted(CORE_HEADERS))}"


def check(tree):
    for path in tree.files(".c", ".h", ".def"):
        for number, line in rules.numbered(rules.strip_comments(tree.read(path))):
            match = INCLUDE.match(line)
            if not match:
                continue
            quoted, angled = match.groups()
            wrong = check_quoted(tree, path, quoted) if quoted else check_angled(path, angled)
            for what in wrong:
                yield f"{path}:{number}: {what}"


FIRES = [
    ("common that includes the daemon",
     {"common/a.h": '#include "daemon/pump.h"\n', "daemon/pump.h": ""}, "common/a.h:1:"),
    ("the client that includes the core",
     {"ctl/a.c": '\n#include "daemon/core/node.h"\n', "daemon/core/node.h": ""}, "ctl/a.c:2:"),
    ("the core that includes the shell",
     {"daemon/core/a.c": '#include "daemon/pump.h"\n', "daemon/pump.h": ""}, "daemon/core/a.c:1:"),
    ("the link that includes the chat",
     {"daemon/core/link/a.c": '#include "daemon/core/chat/b.h"\n', "daemon/core/chat/b.h": ""},
     "daemon/core/link/a.c:1:"),
    ("the store that includes the shell",
     {"daemon/store/a.c": '# include "daemon/pump.h"\n', "daemon/pump.h": ""}, "may only include"),
    ("an include that is not rooted at the top",
     {"common/a.c": '#include "b.h"\n', "common/b.h": ""}, "not a path from the top"),
    ("an included source", {"tests/unit/a.c": '#include "common/b.c"\n', "common/b.c": ""},
     "linked, not included"),
    ("libsodium beside its door", {"daemon/core/link/noise.c": "#include <sodium.h>\n"}, "sodium"),
    ("utf8proc beside its door", {"daemon/core/node.c": "#include <utf8proc.h>\n"}, "utf8proc"),
    ("SQLite in the shell", {"daemon/main.c": "#include <sqlite3.h>\n"}, "sqlite3"),
    ("cJSON beside its façade", {"common/rpc.c": "#include <cjson/cJSON.h>\n"}, "cJSON"),
    ("libevent in the store", {"daemon/store/a.c": "#include <event2/event.h>\n"}, "event2"),
    ("libsystemd in the client", {"ctl/main.c": "#include <systemd/sd-daemon.h>\n"}, "systemd"),
    ("uthash beside its door", {"daemon/client.c": "#include <uthash.h>\n"}, "uthash"),
    ("a clock in the core", {"daemon/core/a.c": "#include <time.h>\n"}, "<time.h>"),
    ("stdio in a wing of the core", {"daemon/core/link/a.h": "#include <stdio.h>\n"}, "<stdio.h>"),
]
PASSES = [
    ("what the table allows",
     {"daemon/core/chat/a.c": '#include "common/b.h"\n#include "daemon/core/link/c.h"\n'
                              "#include <string.h>\n",
      "common/b.h": "#include <time.h>\n", "daemon/core/link/c.h": "#include <stdint.h>\n",
      "daemon/main.c": '#include "config.h"\n#include "daemon/store/d.h"\n#include <event2/event.h>\n',
      "daemon/store/d.h": '#include <sqlite3.h>\n#include "daemon/core/e.h"\n',
      "daemon/core/e.h": "", "tests/sim/f.c": '#include "daemon/core/e.h"\n#include <sodium.h>\n'}),
    ("a comment", {"common/a.c": '/*\n#include "daemon/b.h"\n*/\n// #include <sodium.h>\n'}),
]

if __name__ == "__main__":
    rules.main(check, FIRES, PASSES)
