"""The manual of the client says of each command what common/api.def says, neither less nor more."""

import re

import rules

TABLE = "common/api.def"
PAGE = "man/p2pchatctl.1"

COMMAND = re.compile(r'^COMMAND\(\w+, "([^"]+)", \w+,(.*?)"[^"]*"\)\n(?! )', re.M | re.S)
ARG = re.compile(r'ARG\("([^"]+)"')
OPTION = re.compile(r'OPTION\("([^"]+)", "[^"]*", \w+, "([^"]*)"')


def entries(page):
    """{command: (its heading, the lines below up to the text)} of each `.It Ic words`; commands
    that share a text share what is said of options."""
    found = {}
    page = re.search(r"^\.Sh COMMANDS\n(.*?)(?=^\.Sh |\Z)", page, re.M | re.S).group(1)
    for entry in re.split(r"^\.It Ic ", page, flags=re.M)[1:]:
        heading, _, body = entry.partition("\n")
        words = re.match(r"[a-z]+( [a-z]+)*", heading).group()
        found[words] = (heading[len(words):], re.split(r"^\.(?:It|El|Ss)\b", body, flags=re.M)[0])
    return found


def check_command(words, row, heading, body):
    options = dict(OPTION.findall(row))
    told = dict(re.findall(r"^\.Op Fl \\-([a-z-]+)(?: Ns (?:Op )?= Ns Ar (\S+))?$", body, re.M))
    for shown in ARG.findall(row):
        for part in re.findall(r"[A-Z][A-Z-]+", shown):
            if not re.search(rf"(?<![\w-]){part}(?![\w-])", heading):
                yield f"{words}: its argument {part} is not told of"
    for option, value in options.items():
        if told.get(option) != value:
            yield f"{words}: its option --{option}{value and '='}{value} is not told of"
    for option in told.keys() - options.keys():
        yield f"{words}: there is no option --{option}"


def check(tree):
    if not tree.has(TABLE) or not tree.has(PAGE):
        return
    table = rules.strip_comments(tree.read(TABLE))
    told = entries(tree.read(PAGE))
    commands = COMMAND.findall(table)
    if len(commands) != len(re.findall(r"^COMMAND\(", table, re.M)):
        yield f"{TABLE}:1: a COMMAND row is not laid out as the others are"
    for words, row in commands:
        if words not in told:
            yield f"{PAGE}:1: {words} is not told of"
            continue
        yield from (f"{PAGE}:1: {finding}" for finding in check_command(words, row, *told[words]))
    for words in told.keys() - {words for words, _ in commands}:
        yield f"{PAGE}:1: there is no command {words}"


DEF = ('COMMAND(A, "chat do", M, ARG("PEER | HOST", "p", WORD),\n'
       '        OPTION("wait", "wait", WAIT, "SECONDS", "until")\n'
       '        OPTION("key", "key", VALUE, "KEY", "h")\n'
       '        OPTION("at-once", "", FLAG, "", "h"),\n        "help")\n'
       'COMMAND(B, "stop", M, NONE, NONE, "help")\n')
MAN = (".Sh COMMANDS\n.It Ic chat do Brq Ar PEER | Ar HOST\n"
       ".Op Fl \\-wait Ns Op = Ns Ar SECONDS\n.Op Fl \\-key Ns = Ns Ar KEY\n"
       ".Op Fl \\-at-once\nDo.\n.El\n.Ss B\n"
       ".It Ic stop\nStop.\n.Sh OUTPUT\n.It Ic nothing\n")


def without(part, instead=""):
    return {TABLE: DEF, PAGE: MAN.replace(part, instead)}


FIRES = [
    ("a row of another form", {TABLE: DEF.replace('"help")', '"help") /**/', 1), PAGE: MAN},
     "laid out"),
    ("a command", without(".It Ic stop\n"), "stop is not told of"),
    ("a command that there is not", without("Ic stop", "Ic halt"), "no command halt"),
    ("an argument", without(" | Ar HOST"), "chat do: its argument HOST"),
    ("an option", without(".Op Fl \\-key Ns = Ns Ar KEY\n"), "chat do: its option --key=KEY"),
    ("a flag", without(".Op Fl \\-at-once\n"), "chat do: its option --at-once is not"),
    ("a value that there is not", without("at-once", "at-once Ns = Ns Ar N"),
     "chat do: its option --at-once is not"),
    ("another value", without("SECONDS", "TIME"), "--wait=SECONDS"),
    ("an option that there is not", without("Stop.\n", ".Op Fl \\-now Ns = Ns Ar N\n"),
     "stop: there is no option --now"),
]
PASSES = [("a page that says all", {TABLE: DEF, PAGE: MAN})]

if __name__ == "__main__":
    rules.main(check, FIRES, PASSES)
