"""The manual of the control interface says what common/api.def says, neither less nor otherwise."""

import re

import rules

TABLE = "common/api.def"
PAGE = "man/p2pchat-api.7"

METHOD = re.compile(r'^METHOD\(\w+, "([^"]+)", \w+, \w+, (\w+), \w+,(.*?)"((?:\{|\\")[^"]*)",\s*"[^"]*"\)$',
                    re.M | re.S)
PARAM = re.compile(r'PARAM\(\w+, \w+, "([^"]+)", \w+, (REQUIRED|OPTIONAL),')
ERROR = re.compile(r'^API_ERROR\(\w+, -(\d+), "([^"]+)"', re.M)
EVENT = re.compile(r'^EVENT\(\w+, \d+, "([^"]+)", \w+, "([^"]*)"', re.M)


def entries(page, macro):
    """{name: what is said of it} of each `.It macro name , name` that is not inside another."""
    found = {}
    for entry in re.split(rf"^\.It {macro} (?=[a-z]+\.?[a-z_]*\b)", page, flags=re.M)[1:]:
        heading, _, body = entry.partition("\n")
        body = re.split(r"^\.Sh ", body, flags=re.M)[0]
        for name in heading.split(" , "):
            found[name.strip()] = body
    return found


def check_method(name, params, result, said):
    told = dict(re.findall(r"^\.It Va (\w+)( Pq optional)?$", said, re.M))
    for param, need in params:
        if param not in told:
            yield f"{name}: the parameter {param} is not told of"
        elif bool(told.pop(param)) != (need == "OPTIONAL"):
            yield f"{name}: the parameter {param} is {need.lower()}"
    for param in told:
        yield f"{name}: there is no parameter {param}"
    for member in re.findall(r"\b[a-z_]+\b", re.sub(r":\s*[a-z_|]+(?=[,}])", "", result)):
        if not re.search(rf"\b{member}\b", said):
            yield f"{name}: nothing is said of {member} in its result"


def check(tree):
    if not tree.has(TABLE) or not tree.has(PAGE):
        return
    table, page = rules.strip_comments(tree.read(TABLE)), tree.read(PAGE)
    methods, events = entries(page, "Ic"), entries(page, "Sy")
    if len(METHOD.findall(table)) != len(re.findall(r"^METHOD\(", table, re.M)):
        yield f"{TABLE}:1: a METHOD row is not laid out as the others are"
    for name, access, params, result in METHOD.findall(table):
        said = methods.get(name, "")
        findings = list(check_method(name, PARAM.findall(params), result, said))
        if access == "OWNER" and "forbidden" not in said:
            findings.append(f"{name}: that it may be forbidden is not said")
        yield from (f"{PAGE}:1: {finding}" for finding in findings)
    for code, name in ERROR.findall(table):
        if not re.search(rf"^\.It \\-{code} Ta Sy {name} Ta \S", page, re.M):
            yield f"{PAGE}:1: the error -{code}, {name}, is not told of"
    for name, fields in EVENT.findall(table):
        if name not in events:
            yield f"{PAGE}:1: the event {name} is not told of"
        for field in re.findall(r"\w+", fields):
            if not re.search(rf"\b{field}\b", events.get(name, field)):
                yield f"{PAGE}:1: {name}: nothing is said of {field}"


DEF = ('METHOD(A_B, "a.b", NODE, ANY, OWNER, CHANGES,\n  PARAM(A_B, X, "x", STRING, OPTIONAL, 1, 2, "h"),\n'
       '       "{y, state: on|off, z: [{u}]}",\n       "help")\n'
       'API_ERROR(BAD, -32001, "bad", "text")\nEVENT(E, 1, "a.e", LOGGED, "f, g", "help")\n')
MAN = (".Sh METHODS\n.It Ic a.b\n.It Va x Pq optional\nforbidden y state z u\n"
       ".Sh EVENTS\n.It Sy a.d , a.e\n.Va f ,\n.Va g\n.Sh ERROR CODES\n.It \\-32001 Ta Sy bad Ta it\n")


def without(part, instead=""):
    return {TABLE: DEF, PAGE: MAN.replace(part, instead)}


FIRES = [
    ("a row of another form",
     {TABLE: DEF.replace('"help")', '"help") /**/', 1), PAGE: MAN}, "laid out"),
    ("a parameter that is missing", without(".It Va x Pq optional\n"), "the parameter x is not"),
    ("a parameter that is required there", without(" Pq optional"), "the parameter x is optional"),
    ("a parameter that there is not", without(" y", "\n.It Va w\n"), "no parameter w"),
    ("a member of a result", without(" y"), "nothing is said of y"),
    ("a member of a member", without(" u"), "nothing is said of u"),
    ("a right that is needed", without("forbidden "), "forbidden"),
    ("an error", without("32001", "32002"), "-32001, bad"),
    ("an event", without(" , a.e"), "the event a.e"),
    ("a field of an event", without(".Va g\n"), "a.e: nothing is said of g"),
]
PASSES = [("a page that says all", {TABLE: DEF, PAGE: MAN})]

if __name__ == "__main__":
    rules.main(check, FIRES, PASSES)
