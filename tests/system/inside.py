"""A network and an /etc that are only a test's (needs root), with a name server in it.

A script ends with `inside.main()`, which runs it there, and says so when that cannot be.
"""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading

import rig

INSIDE = "P2PCHAT_TEST_INSIDE"
TYPE_A, TYPE_AAAA = 1, 28
NO_ERROR, NO_SUCH_NAME = 0, 3

# How long the resolver itself waits for an answer.
RESOLVER_S = 60
RESOLVER = f"nameserver 127.0.0.1\noptions timeout:{RESOLVER_S}\n"


class NameServer(threading.Thread):
    """Answers from `names`: {(name, type): [address]}; None is no answer at all. `asked` are the
    names that it was asked for."""

    def __init__(self):
        super().__init__(daemon=True)
        self.names = {}
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))

    def run(self):
        while True:
            query, peer = self.socket.recvfrom(512)
            reply = self.reply(query)
            if reply:
                self.socket.sendto(reply, peer)

    def reply(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        kind = struct.unpack_from(">H", query, at + 1)[0]
        question = query[12:at + 5]
        name = ".".join(labels)
        self.asked.append(name)
        found = self.names.get((name, kind), [])
        if found is None:
            return None
        known = any(known == name for known, _ in self.names)
        flags = 0x8180 | (NO_ERROR if known else NO_SUCH_NAME)
        reply = query[:2] + struct.pack(">HHHHH", flags, 1, len(found), 0, 0) + question
        family = socket.AF_INET if kind == TYPE_A else socket.AF_INET6
        for address in found:
            data = socket.inet_pton(family, address)
            reply += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(data)) + data
        return reply


def can_go_inside():
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "--mount", "--net", "true"], check=False).returncode == 0


def go_inside():
    """Runs this script again with a network and a mount table of its own."""
    os.execvpe("unshare", ["unshare", "--mount", "--net", sys.executable, *sys.argv],
               {**os.environ, INSIDE: "1"})


def make_place():
    """Loopback, and an empty /etc with our server in it."""
    with socket.socket() as any_socket:
        name = struct.pack("16sH14x", b"lo", 0x1)  # IFF_UP
        fcntl.ioctl(any_socket, 0x8914, name)  # SIOCSIFFLAGS
    with open("/etc/passwd", encoding="utf-8") as file:
        users = file.read()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/etc"], check=True)
    for name, content in (("passwd", users), ("resolv.conf", RESOLVER),
                          ("hosts", "127.0.0.1 localhost\n127.0.0.1 from-hosts\n")):
        with open(f"/etc/{name}", "w", encoding="utf-8") as file:
            file.write(content)


class Test(rig.People):
    """What `names` says is so: {(name, type): [address]}."""

    server = None

    def setUp(self):
        super().setUp()
        if Test.server is None:
            Test.server = NameServer()
            Test.server.start()
        self.names = Test.server.names = {}


def main():
    if INSIDE in os.environ:
        make_place()
        rig.main()
    elif can_go_inside():
        go_inside()
    else:
        print("1..0 # SKIP needs root, and namespaces of its own")
