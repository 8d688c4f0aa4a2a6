"""What the programs link with: the client only the C library and cJSON."""

import os
import re
import shutil
import subprocess

import rules

# What a sanitized program needs besides.
WATCHERS = r"lib(asan|ubsan|tsan|lsan|stdc\+\+|m|gcc_s|pthread|dl|rt|resolv)\.so\.\d+"
MAY_LINK = {
    "p2pchatctl": r"libc\.so\.6|libcjson\.so\.1|ld-linux[\w-]*\.so\.\d+",
}


def check(subject):
    """subject: {program: libraries that it says it needs}, and whether sanitizers are built in"""
    needed, watched = subject
    for program, libraries in needed.items():
        for library in libraries:
            if re.fullmatch(MAY_LINK[program], library):
                continue
            if not (watched and re.fullmatch(WATCHERS, library)):
                yield f"{program}: links {library}; only the C library and cJSON"


def subject(_):
    needed = {}
    for program in MAY_LINK:
        path = os.path.join(os.environ.get("top_builddir", "."), program)
        if os.path.exists(path):  # it begins with its main.c
            said = subprocess.run(["readelf", "-d", path], capture_output=True, text=True,
                                  check=True).stdout
            needed[program] = re.findall(r"\(NEEDED\).*\[(.+)\]", said)
    return needed, os.environ.get("sanitizers", "no") != "no"


FIRES = [
    ("libsodium in the client", ({"p2pchatctl": ["libcjson.so.1", "libsodium.so.23", "libc.so.6"]}, False),
     "libsodium"),
    ("threads in the client", ({"p2pchatctl": ["libc.so.6", "libpthread.so.0"]}, False), "libpthread"),
]
PASSES = [
    ("what it may link", ({"p2pchatctl": ["libcjson.so.1", "libc.so.6"]}, False)),
    ("sanitizers",
     ({"p2pchatctl": ["libasan.so.8", "libm.so.6", "libcjson.so.1", "libc.so.6"]}, True)),
]

if __name__ == "__main__":
    rules.main(check, FIRES, PASSES, subject=subject,
               skip=None if shutil.which("readelf") else "readelf is not installed")
