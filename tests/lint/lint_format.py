"""C source is as .clang-format says."""

import re
import shutil
import subprocess

import rules

VERSION = 14  # Debian 12's; others break some lines elsewhere
PROGRAM = shutil.which(f"clang-format-{VERSION}") or shutil.which("clang-format")


def why_not():
    if not PROGRAM:
        return "clang-format is not installed"
    said = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True).stdout
    version = re.search(r"version (\d+)", said)
    if not version or int(version.group(1)) != VERSION:
        return f"not version {VERSION}: {said.strip()}"
    return None


def check(subject):
    """subject: (style, {path: bytes})"""
    style, sources = subject
    for path, source in sources.items():
        command = [PROGRAM, f"--style={style}", f"--assume-filename={path}"]
        wanted = subprocess.run(command, input=source, capture_output=True, check=True).stdout
        if wanted != source:
            pairs = zip(source.split(b"\n"), wanted.split(b"\n"))
            line = next((n for n, (a, b) in enumerate(pairs, start=1) if a != b), 1)
            yield f"{path}:{line}: clang-format -i {path}"


def subject(tree):
    style = f"file:{tree.top}/.clang-format"
    return style, {path: tree.read_bytes(path) for path in tree.files(".c", ".h")}


FIRES = [("a brace out of place", ("LLVM", {"a.c": b"int x;\nint f(void)\n{\n}\n"}), "a.c:2:")]
PASSES = [("what is in order", ("LLVM", {"a.c": b"int f(void) {}\n"}))]

if __name__ == "__main__":
    rules.main(check, FIRES, PASSES, skip=why_not(), subject=subject)
