"""filter.py UNIT FOLDER: writes the system-call filter of a unit to FOLDER/filter, as seccomp(2) takes
it, with libseccomp, as systemd makes it (systemd.exec(5): SystemCallFilter=, RestrictAddressFamilies=,
MemoryDenyWriteExecute=) but for one thing: what is not allowed kills the process. So a test that
passes has not met the filter, and need not look for what was refused.
"""

import ctypes
import mmap
import os
import socket
import struct
import subprocess
import sys

KILL_PROCESS, ALLOW = 0x80000000, 0x7FFF0000
EQUAL, MASKED_EQUAL = 4, 7

# SQLite gives its files to the owner of the database when root runs it. A service never is root.
ONLY_ROOT = {"fchown"}

# strace makes call number -1, which there is not, of calls whose result it injects. Three
# instructions before the others (struct sock_filter): load the number, is it -1, allow.
NO_CALL = b"".join(struct.pack("=HBBI", *instruction) for instruction in
                   ((0x20, 0, 0, 0), (0x15, 0, 1, 0xFFFFFFFF), (0x06, 0, 0, ALLOW)))


class Comparison(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("operator", ctypes.c_int), ("a", ctypes.c_uint64),
                ("b", ctypes.c_uint64)]


def groups():
    """The groups that systemd knows: calls and groups, by name."""
    known, members = {}, None
    for line in subprocess.run(["systemd-analyze", "syscall-filter"], stdout=subprocess.PIPE,
                               check=True, text=True).stdout.splitlines():
        if line.startswith("@"):
            members = known.setdefault(line.strip(), [])
        elif line.startswith("    ") and not line.strip().startswith("#"):
            members.append(line.strip())
    return known


def calls_of(name, known):
    if not name.startswith("@"):
        return {name}
    return set().union(*(calls_of(member, known) for member in known[name]))


def settings(unit):
    """All values by key, in order."""
    found = {}
    with open(unit, encoding="utf-8") as file:
        for line in file:
            key, equals, value = line.strip().partition("=")
            if equals and not key.startswith("#"):
                found.setdefault(key, []).append(value)
    return found


def allowed_calls(lines):
    known = groups()
    allowed = calls_of("@default", known)
    for line in lines:
        named = set().union(*(calls_of(name, known) for name in line.lstrip("~").split()))
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed


class Filter:
    def __init__(self):
        self.library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
        self.library.seccomp_init.restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(self.library.seccomp_init(KILL_PROCESS))

    def allow(self, name, *comparisons):
        number = self.library.seccomp_syscall_resolve_name(name.encode())
        if number < 0:  # of other architectures
            return
        array = (Comparison * len(comparisons))(*comparisons)
        if self.library.seccomp_rule_add_array(self.context, ctypes.c_uint32(ALLOW), number,
                                               len(comparisons), array) < 0:
            sys.exit(f"filter.py: no rule for {name}")

    def write(self, path):
        with open(path, "wb") as file:
            file.write(NO_CALL)
            file.flush()
            if self.library.seccomp_export_bpf(self.context, file.fileno()) < 0:
                sys.exit(f"filter.py: {path}: cannot be written")


def main(unit, folder):
    found = settings(unit)
    rules = Filter()
    special = {"mmap", "mprotect", "socket"}
    for name in sorted(allowed_calls(found["SystemCallFilter"]) - special | ONLY_ROOT):
        rules.allow(name)
    for family in found["RestrictAddressFamilies"][0].split():
        rules.allow("socket", Comparison(0, EQUAL, getattr(socket, family)))
    if found["MemoryDenyWriteExecute"] != ["yes"]:
        sys.exit("filter.py: MemoryDenyWriteExecute=yes is expected")
    both = mmap.PROT_WRITE | mmap.PROT_EXEC
    for protection in (0, mmap.PROT_WRITE, mmap.PROT_EXEC):
        rules.allow("mmap", Comparison(2, MASKED_EQUAL, both, protection))
    rules.allow("mprotect", Comparison(2, MASKED_EQUAL, mmap.PROT_EXEC, 0))
    rules.write(os.path.join(folder, "filter"))


if __name__ == "__main__":
    main(*sys.argv[1:])
