"""Every row of the two tables is there for its readers: handled, documented, tested.

Each demand begins when the file exists in which it can be met.
"""

import re

import rules

API = "common/api.def"
MESSAGES = "daemon/core/link/message.def"
API_PAGE = "man/p2pchat-api.7"
PROTOCOL_PAGE = "man/p2pchat-protocol.7"
DISPATCH = "daemon/main.c"  # once there is a program, its methods are handled
SYSTEM_TESTS = "tests/system/"  # and once it is tested from outside, all of them are
SEEDS = "tests/fuzz/corpus/message/"



def rows(tree, path, macro):
    """(number of the line, arguments up to the first string) of each row."""
    for number, line in rules.numbered(rules.strip_comments(tree.read(path))):
        match = re.match(macro + r"\((\w+)(?:, \"([^\"]+)\")?", line)
        if match:
            yield number, match.group(1), match.group(2)


def has_entry(page, name):
    pattern = r"^\.(?:It|Sh|Ss|SH|SS|IP|B)\b.*(?<![\w.])" + re.escape(name) + r"(?!\w|\.\w)"
    return re.search(pattern, page, re.M) is not None


def check_api(tree):
    page = tree.read(API_PAGE) if tree.has(API_PAGE) else None
    handlers = tests = None
    if tree.has(DISPATCH):
        handlers = "".join(tree.read(path) for path in tree.files(".c", under="daemon/"))
    if tree.files(".py", ".sh", under=SYSTEM_TESTS):
        tests = "".join(tree.read(path) for path in tree.files(".c", ".py", ".sh", under="tests/")
                        if not path.startswith("tests/lint/"))
    for number, ident, name in rows(tree, API, "METHOD"):
        where = f"{API}:{number}: {name}"
        if handlers is not None and not re.search(rf"\bAPI_{ident}\b", handlers):
            yield f"{where} has no handler: nothing in daemon/ names API_{ident}"
        if page is not None and not has_entry(page, name):
            yield f"{where} has no entry in {API_PAGE}"
        if tests is not None and f'"{name}"' not in tests and not re.search(rf"\bAPI_{ident}\b", tests):
            yield f"{where} has no test: nothing in tests/ names it"


def check_messages(tree):
    page = tree.read(PROTOCOL_PAGE) if tree.has(PROTOCOL_PAGE) else None
    seeds = [tree.read_bytes(path) for path in tree.files("", under=SEEDS)]
    for number, ident, _ in rows(tree, MESSAGES, "MESSAGE"):
        where = f"{MESSAGES}:{number}: {ident}"
        if page is not None and not has_entry(page, ident):
            yield f"{where} has no entry in {PROTOCOL_PAGE}"
        spoken = re.compile(rb'"msgtype"\s*:\s*"' + ident.encode() + rb'"')
        if seeds and not any(spoken.search(seed) for seed in seeds):
            yield f"{where} has no seed in {SEEDS}"


def check(tree):
    if tree.has(API):
        yield from check_api(tree)
    if tree.has(MESSAGES):
        yield from check_messages(tree)


ROW = 'METHOD(CHAT_MESSAGE, "chat.message", NODE, ANY, ANYONE, CHANGES,\n       NONE)\n'
FIRES = [
    ("a method without a handler", {API: ROW, DISPATCH: "API_CHAT_MESSAGES"}, "no handler"),
    ("a method without an entry", {API: ROW, API_PAGE: "Use chat.message.\n.It Ic chat.message.x"},
     f"{API}:1: chat.message has no entry"),
    ("a method without a test", {API: ROW, DISPATCH: "API_CHAT_MESSAGE", "tests/system/a.py": "x"},
     "no test"),
    ("a message without an entry",
     {MESSAGES: "\nMESSAGE(PING, LINK, ANY, 1)\n", PROTOCOL_PAGE: ".It PINGS\n"},
     f"{MESSAGES}:2: PING has no entry"),
    ("a message without a seed",
     {MESSAGES: "MESSAGE(PING, LINK, ANY, 1)\n", SEEDS + "pong": '{"msgtype":"PONG"}'}, "no seed"),
]
PASSES = [
    ("a method that has all",
     {API: ROW, DISPATCH: "case API_CHAT_MESSAGE:", API_PAGE: ".It Ic chat.message Ar peer\n",
      "tests/system/a.py": 'call("chat.message")'}),
    ("a message that has all",
     {MESSAGES: "MESSAGE(PING, LINK, ANY, 1)\n", PROTOCOL_PAGE: ".It Sy PING\n",
      SEEDS + "ping": '{"msgtype": "PING"}'}),
    ("the head of a table", {API: "/* METHOD(ID, \"name\") */\n#define METHOD(ID, name)\n",
                             DISPATCH: ""}),
]

if __name__ == "__main__":
    rules.main(check, FIRES, PASSES)
