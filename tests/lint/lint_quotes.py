"""Code that quotes the specification quotes what stands there.

    p2pchat-protocol(7), Records: "A record is at most ..."

names a section of man/p2pchat-protocol.7, and the words in quotes (if any) must stand in it, one
after the other; "..." stands for words left out. Punctuation, case and markup do not count.
"""

import re

import rules

PAGE = "man/p2pchat-protocol.7"
CITE = re.compile(r'p2pchat-protocol\(7\)\s*,\s*([^:;.,")\n]+)(?:\s*:\s*"([^"]*)")?')

# Macros of mdoc(7) that may stand between the words of a line.
MACROS = set("""Ad An Ao Ap Aq Ar Bc Bo Bq Brc Bro Brq Bx Cd Cm Dc Do Dq Dv Em Er Ev Fl Fn Ic It Li
Lk Mt Nm No Ns Oc Oo Op Pa Pc Pf Po Pp Pq Qc Ql Qo Qq Sc So Sq Sx Sy Ta Tn Va Vt Xc Xo Xr""".split())


def words(text):
    return re.findall(r"\w+", text.lower())


def spoken(line):
    """The words of one line of the page, without its macros."""
    line = re.sub(r'^\.\\".*|\\\".*', "", line)
    line = re.sub(r"\\(f[BIRP]|&|\[\w+\]|\(\w\w)", " ", line)
    if not line.startswith("."):
        return words(line)
    parts = line[1:].split()
    return words(" ".join(part for part in parts if part not in MACROS))


def sections(page):
    """{heading: words below it}; those below .Ss count for its .Sh too."""
    result, open_headings = {}, []
    for line in page.split("\n"):
        heading = re.match(r"\.(Sh|Ss|SH|SS)\s+(.*)", line)
        if heading:
            if heading.group(1).lower() == "sh":
                open_headings = []
            open_headings = open_headings[:1] + [" ".join(words(heading.group(2)))]
            result.setdefault(open_headings[-1], [])
            continue
        for name in set(open_headings):
            result[name] += spoken(line)
    return result


def stands_in(quote, text):
    """Whether the quote's pieces stand in the text, in order."""
    text = f" {' '.join(text)} "
    for piece in re.split(r"\.\.\.|…", quote):
        wanted = f" {' '.join(words(piece))} "
        if wanted.strip():
            before, found, text = text.partition(wanted)
            if not found:
                return False
            text = " " + text
    return True


def comments(source):
    """(number of the first line, text without the stars) of each comment."""
    for match in re.finditer(r"/\*.*?\*/|(?:^[ \t]*//[^\n]*\n)+|//[^\n]*", source, re.S | re.M):
        text = re.sub(r"^[ \t]*(/\*+|\*+/|\*|//)", "", match.group(), flags=re.M).replace("*/", "")
        yield source.count("\n", 0, match.start()) + 1, " ".join(text.split())


def check(tree):
    if not tree.has(PAGE):
        return
    known = sections(tree.read(PAGE))
    for path in tree.files(".c", ".h", ".def"):
        for number, comment in comments(tree.read(path)):
            for name, quote in CITE.findall(comment):
                cited = " ".join(words(name))
                fitting = [known_name for known_name in known
                           if cited == known_name or cited.startswith(known_name + " ")]
                if not fitting:
                    yield f"{path}:{number}: {PAGE} has no section \"{name.strip()}\""
                elif quote and not stands_in(quote, known[max(fitting, key=len)]):
                    yield f"{path}:{number}: \"{quote}\" does not stand in {PAGE}, {name.strip()}"


EXAMPLE = """.Sh NAME
.Sh LINKS
.Ss Records
A record is
.Em at most Ns \\&, with its length ,
65,535 bytes.
.It Ic HELLO
is first.
.Sh CONSENT
None.
"""
FIRES = [
    ("a section that is not there", {PAGE: EXAMPLE, "a.c": "/* p2pchat-protocol(7), Recodrs. */"},
     "a.c:1:"),
    ("a quote that is not there",
     {PAGE: EXAMPLE, "a.c": '\n/* p2pchat-protocol(7), Records: "A record is at least" */'},
     "a.c:2:"),
    ("a quote from another section",
     {PAGE: EXAMPLE, "a.c": '/* p2pchat-protocol(7), Consent: "HELLO is first" */'}, "a.c:1:"),
    ("a quote over two lines that differs",
     {PAGE: EXAMPLE, "a.h": '/* p2pchat-protocol(7), Records: "A record\n * was at most" */'},
     "a.h:1:"),
]
PASSES = [
    ("a section", {PAGE: EXAMPLE, "a.c": "/* as in p2pchat-protocol(7), Records, and so on */"}),
    ("a section at the end of a sentence", {PAGE: EXAMPLE, "a.c": "// (p2pchat-protocol(7), Links)"}),
    ("a quote over two lines",
     {PAGE: EXAMPLE, "a.c": '/* p2pchat-protocol(7), Records: "a record is at\n * most, with its '
                            'length, 65,535 bytes" */'}),
    ("a quote with words left out",
     {PAGE: EXAMPLE, "a.c": '/* p2pchat-protocol(7), Links: "A record ... 65,535 bytes." */'}),
]

if __name__ == "__main__":
    rules.main(check, FIRES, PASSES)
