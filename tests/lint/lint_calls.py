"""C library functions that nothing of ours calls, each with what to call instead.

Read from the object files of every library of the tree.
"""

import os
import re
import subprocess

import lint_symbols
import rules

LIBRARIES = ("libcommon.a", "libcore.a", "libstore.a", "libdaemon.a", "libctl.a")

INSTEAD = {
    r"malloc|calloc|realloc|reallocarray|strn?dup|(__)?v?asprintf(_chk)?":
        "common/alloc.h or common/format.h: nobody checks for NULL here",
    r"(__)?(st[rp]n?c(py|at)|strl(cpy|cat))(_chk)?|(__)?v?sprintf(_chk)?|gets":
        "memcpy() of a known length, or snprintf()",
    r"ato(i|l|ll|f)": "a parser that knows what is no number",
    r"s?rand(om)?|[dejlmn]rand48|rand_r": "randomness that was passed in",
    r"strtok|gmtime|localtime|asctime|ctime|strerror_l|getpw(nam|uid)|inet_ntoa":
        "the function of that name that ends in _r, or its successor",
    r"mktemp|tmpnam|tempnam": "mkstemp()",
    r"system|popen": "posix_spawn(), without a shell",
    r"sleep|usleep|nanosleep|clock_nanosleep": "a timer of the loop",
}
HOME = ("alloc.o", "format.o")  # where memory comes from


def check(texts):
    """texts: what nm says of each library"""
    for obj in (obj for text in texts for obj in lint_symbols.parse(text)):
        for symbol in sorted(obj.undefined):
            for pattern, instead in INSTEAD.items():
                if re.fullmatch(pattern, symbol) and obj.name not in HOME:
                    yield f"{obj.name}: calls {symbol}(); use {instead}"


def subject(_):
    command = [os.environ.get("NM", "nm"), "--format=sysv"]
    top = os.environ.get("top_builddir", ".")
    return [subprocess.run(command + [os.path.join(top, name)], capture_output=True, text=True,
                           check=True).stdout for name in LIBRARIES]


FIRES = [
    ("memory that may be NULL", ["", lint_symbols.needs("net.o", "strdup")], "net.o: calls strdup"),
    ("a copy without an end", [lint_symbols.needs("net.o", "__strcpy_chk")], "__strcpy_chk"),
    ("a number that may be none", [lint_symbols.needs("main.o", "atoi")], "atoi"),
    ("a sleep", [lint_symbols.needs("main.o", "usleep")], "a timer"),
]
PASSES = [
    ("memory at home", [lint_symbols.needs("alloc.o", "realloc")]),
    ("the rest", [lint_symbols.needs("main.o", "snprintf") + lint_symbols.needs("a.o", "memcpy")]),
]

if __name__ == "__main__":
    rules.main(check, FIRES, PASSES, subject=subject)
