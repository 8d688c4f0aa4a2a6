"""What the core needs of the world, read from its object files: memory, strings, and nothing else.

Undefined symbols of libcore.a, and of whatever it pulls in from libcommon.a, against a list; and no
state at file scope in either, so that many nodes fit in one process.
"""

import os
import re
import subprocess

import rules

# Functions of the C library whose result depends on their arguments alone, and memory.
ALLOWED = re.compile("|".join([
    r"(__)?(bcmp|mem(chr|cmp|cpy|mem|move|rchr|set)|explicit_bzero)(_chk)?",
    r"(__)?str(n?len|n?cmp|chr|rchr|spn|cspn|pbrk|str)(_chk)?",
    r"bsearch|qsort|abort|free|malloc|calloc|realloc",
    r"__stack_chk_fail|_GLOBAL_OFFSET_TABLE_",
]))

# More, for one object each, with the reason.
ALLOWED_IN = {
    "address.o": re.compile(r"inet_(ntop|pton)"),  # literals as text: no resolver, no socket
    "api.o": re.compile(r"(__)?vsnprintf(_chk)?"),  # what is wrong with a call, in words
    "alloc.o": re.compile(r"write"),  # the last words of a process that ends
    "crypto.o": re.compile(  # libsodium without randomness and without memory of its own
        r"(?!.*(random|keygen|seal|(?<!seed_)keypair|malloc|allocarray|mlock))"
        r"(crypto_\w+|sodium_(init|memzero|memcmp|is_zero|increment|add|sub|compare))"),
    "json.o": re.compile(  # cJSON, in the locale "C", which is glibc's own: opens nothing
        r"cJSON_\w+|(new|use|free)locale|pthread_once"),
    "json_write.o": re.compile(  # numbers as text: formats memory, opens nothing
        r"(__)?snprintf(_chk)?|strtod|(new|use|free)locale"),
    "name.o": re.compile(r"utf8proc_\w+"),
}

# State at file scope, for one object each, with the reason.
STATE_IN = {
    # cJSON's hooks have no context: what a thread fills during one call, and that they are set.
    "json.o": re.compile(r"(filled|hooked)(\.\d+)?"),
}

# What compilers put in between when asked to watch.
WATCHED = re.compile(r"(__(asan|lsan|ubsan|tsan|sanitizer|sancov|gcov|llvm|odr_asan|start___sancov|"
                     r"stop___sancov)_?\w*|mangle_path|_?_?gcov\w*|__tls_get_addr|__memcpy|"
                     r"__dso_handle|__unnamed_\d+)(\.\w+)*")

STATE_SECTIONS = re.compile(r"(\.(data|bss|tdata|tbss)|\*COM\*|COM)(?!\.rel\.ro)(\..*)?")


class Object:
    def __init__(self, name):
        self.name = name
        self.defined = set()
        self.undefined = set()
        self.state = set()


def parse(text):
    """The objects in what `nm --format=sysv` says of an archive."""
    objects = []
    for line in text.splitlines():
        heading = re.search(r"\[([^]]+)\]:$", line)
        if heading:
            objects.append(Object(heading.group(1)))
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != 7 or fields[0] == "Name" or WATCHED.fullmatch(fields[0]):
            continue
        name, kind, section = fields[0], fields[2], fields[6]
        if kind in "Uwv" and section == "*UND*":
            objects[-1].undefined.add(name)
        else:
            objects[-1].defined.add(name)
            if STATE_SECTIONS.fullmatch(section):
                objects[-1].state.add(name)
    return objects


def reached(core, common):
    """The core's objects, and those of common that linking them pulls in."""
    home = {symbol: obj for obj in common for symbol in obj.defined}
    seen, waiting = [], list(core)
    while waiting:
        obj = waiting.pop()
        if obj not in seen:
            seen.append(obj)
            waiting += [home[symbol] for symbol in obj.undefined if symbol in home]
    return seen


def check(subject):
    """subject: what nm says of libcore.a and of libcommon.a"""
    core, common = (parse(text) for text in subject)
    objects = reached(core, common)
    defined = {symbol for obj in objects for symbol in obj.defined}
    for obj in sorted(objects, key=lambda obj: obj.name):
        more = ALLOWED_IN.get(obj.name)
        for symbol in sorted(obj.undefined - defined):
            if not ALLOWED.fullmatch(symbol) and not (more and more.fullmatch(symbol)):
                yield f"{obj.name}: calls {symbol}, which the core must not (tests/lint/lint_symbols.py)"
    for obj in core + common:
        own = STATE_IN.get(obj.name)
        for symbol in sorted(obj.state):
            if not (own and own.fullmatch(symbol)):
                yield f"{obj.name}: {symbol} is state at file scope; it belongs in a struct"


def subject(tree):
    command = [os.environ.get("NM", "nm"), "--format=sysv"]
    top = os.environ.get("top_builddir", ".")
    return [subprocess.run(command + [os.path.join(top, name)], capture_output=True, text=True,
                           check=True).stdout for name in ("libcore.a", "libcommon.a")]


def nm(member, *rows):
    """An example: rows are (symbol, class, section)."""
    lines = [f"\n\nSymbols from lib.a[{member}]:\n",
             "Name                  Value           Class        Type         Size  Line  Section\n"]
    for symbol, kind, section in rows:
        lines.append(f"{symbol:20}|{'0' * 16}|   {kind}  |            NOTYPE|{'':16}|     |{section}")
    return "\n".join(lines)


def needs(member, symbol):
    return nm(member, (symbol, "U", "*UND*"))


FIRES = [
    ("a clock", (needs("node.o", "clock_gettime"), ""), "node.o: calls clock_gettime"),
    ("a socket", (needs("node.o", "socket"), ""), "calls socket"),
    ("a file", (needs("node.o", "open64"), ""), "calls open64"),
    ("randomness", (needs("node.o", "getrandom"), ""), "calls getrandom"),
    ("libsodium's randomness", (needs("crypto.o", "randombytes_buf"), ""), "randombytes_buf"),
    ("a random key pair", (needs("crypto.o", "crypto_box_keypair"), ""), "crypto_box_keypair"),
    ("libsodium's memory", (needs("crypto.o", "sodium_malloc"), ""), "sodium_malloc"),
    ("libsodium beside its door", (needs("noise.o", "crypto_hash_sha256"), ""), "noise.o: calls"),
    ("stdio", (needs("node.o", "__printf_chk"), ""), "calls __printf_chk"),
    ("libevent", (needs("node.o", "event_base_new"), ""), "calls event_base_new"),
    ("a clock behind a leaf",
     (needs("node.o", "mono_now"),
      nm("mono.o", ("mono_now", "T", ".text"), ("clock_gettime", "U", "*UND*"))),
     "mono.o: calls clock_gettime"),
    ("a static variable", (nm("node.o", ("counter.0", "b", ".bss")), ""), "counter.0 is state"),
    ("a global variable in common", ("", nm("text.o", ("table", "D", ".data"))), "table is state"),
    ("what only one object may have", ("", nm("text.o", ("filled", "b", ".tbss"))), "filled is state"),
]
PASSES = [
    ("memory, strings and the doors",
     (needs("node.o", "memcpy") + needs("node.o", "__memset_chk") +
      needs("crypto.o", "crypto_sign_ed25519_seed_keypair") + needs("name.o", "utf8proc_map"), "")),
    ("a leaf that the core does not use", ("", needs("clock.o", "clock_gettime"))),
    ("constant tables", (nm("node.o", ("rows", "d", ".data.rel.ro.local"),
                            ("names", "r", ".rodata")), "")),
    ("sanitizers and coverage",
     (needs("node.o", "__asan_report_load8") + needs("node.o", "__ubsan_handle_add_overflow_abort") +
      nm("node.o", ("__gcov0.f", "b", ".bss"), ("__odr_asan.rows", "B", ".bss")), "")),
]

if __name__ == "__main__":
    rules.main(check, FIRES, PASSES, subject=subject)
