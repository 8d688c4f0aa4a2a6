"""The manual of the daemon tells of every metric of daemon/metrics.def, what it is, who has it and
by what it is told apart; and of no other."""

import re

import rules

TABLE = "daemon/metrics.def"
PAGE = "man/p2pchatd.8"

ROW = re.compile(r'^METRIC\(\w+, "(\w+)", (\w+), (\w+), (?:NONE|LABEL\("(\w+)"\)), "[^"]*"\)$', re.M)
# .It Sy name Ta kind Ta who Ta label
ENTRY = re.compile(r"^\.It Sy (p2pchat_\w+) Ta (\w+) Ta (\w+) Ta (\S+)$", re.M)


def check(tree):
    if not tree.has(TABLE):
        return
    table = rules.strip_comments(tree.read(TABLE))
    rows = ROW.findall(table)
    if len(rows) != len(re.findall(r"^METRIC\(", table, re.M)):
        yield f"{TABLE}:1: a METRIC row is not laid out as the others are"
    told = {name: rest for name, *rest in ENTRY.findall(tree.read(PAGE))}
    for name, kind, role, label in rows:
        wanted = [kind.lower(), {"ANY": "both"}.get(role, role.lower()), label or "\\-"]
        if told.pop(name, None) != wanted:
            yield f"{PAGE}:1: it is to say: .It Sy {name} Ta {' Ta '.join(wanted)}"
    for name in told:
        yield f"{PAGE}:1: there is no metric {name}"


DEF = ('METRIC(A, "p2pchat_a_total", COUNTER, ANY, NONE, "A.")\n'
       'METRIC(B, "p2pchat_b", GAUGE, NODE, LABEL("state"), "B.")\n')
MAN = (".It Sy p2pchat_a_total Ta counter Ta both Ta \\-\n"
       ".It Sy p2pchat_b Ta gauge Ta node Ta state\n")
FIRES = [
    ("a row of another form", {TABLE: DEF.replace('"A.")', '"A") /**/'), PAGE: MAN}, "laid out"),
    ("a metric", {TABLE: DEF, PAGE: MAN.replace("p2pchat_b", "p2pchat_c")}, "p2pchat_b Ta gauge"),
    ("a metric that there is not", {TABLE: DEF, PAGE: MAN + MAN.replace("b ", "c ")},
     "no metric p2pchat_c"),
    ("another kind", {TABLE: DEF, PAGE: MAN.replace("counter", "gauge")}, "Ta counter Ta both"),
    ("another role", {TABLE: DEF, PAGE: MAN.replace("node", "tracker")}, "Ta node Ta state"),
    ("another label", {TABLE: DEF, PAGE: MAN.replace("state", "reason")}, "Ta node Ta state"),
]
PASSES = [("a page that says all", {TABLE: DEF, PAGE: MAN}), ("a tree without the table", {})]

if __name__ == "__main__":
    rules.main(check, FIRES, PASSES)
