"""Peers dialled by DNS names: real queries to a server of our own, in a network and an /etc that are
only ours (needs root)."""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

import rig

INSIDE = "P2PCHAT_TEST_INSIDE"
TYPE_A, TYPE_AAAA = 1, 28
NO_ERROR, NO_SUCH_NAME = 0, 3

# How long the resolver itself waits for an answer, and what is clearly less.
RESOLVER_S, SOONER_S = 60, 20
RESOLVER = f"nameserver 127.0.0.1\noptions timeout:{RESOLVER_S}\n"


class NameServer(threading.Thread):
    """Answers from `names`: {(name, type): [address]}; None is no answer at all."""

    def __init__(self):
        super().__init__(daemon=True)
        self.names = {}
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


class Names(rig.Test):
    server = None

    def setUp(self):
        super().setUp()
        if Names.server is None:
            Names.server = NameServer()
            Names.server.start()
        self.names = Names.server.names = {}
        self.bob = self.daemon("bob")
        self.bob.start()
        self.alice = self.daemon("alice")
        self.client = self.alice.start()
        self.port = self.bob.address().rpartition(":")[2]

    def tearDown(self):
        for daemon in (self.alice, self.bob):
            self.assertEqual(daemon.end(), 0, daemon.log())

    def request(self, host):
        """How long it took to be connected."""
        start = time.monotonic()
        self.assertEqual(self.client.call("chat.request", to=f"{host}:{self.port}")["state"], "sent")
        return time.monotonic() - start

    def test_one_address(self):
        self.names["bob.example", TYPE_A] = ["127.0.0.1"]
        self.request("bob.example")

    def test_first_family_is_refused(self):
        self.names["bob.example", TYPE_AAAA] = ["::1"]
        self.names["bob.example", TYPE_A] = ["127.0.0.1"]
        self.assertLess(self.request("bob.example"), SOONER_S)

    def test_first_family_is_never_answered(self):
        self.names["bob.example", TYPE_AAAA] = None
        self.names["bob.example", TYPE_A] = ["127.0.0.1"]
        self.assertLess(self.request("bob.example"), SOONER_S)

    def test_several_addresses(self):
        self.names["bob.example", TYPE_A] = ["127.0.0.3", "127.0.0.2", "127.0.0.1"]
        self.request("bob.example")

    def test_no_such_name(self):
        with self.assertRaises(rig.Refused) as refused:
            self.request("nobody.example")
        self.assertEqual(refused.exception.name, "unreachable")

    def test_from_hosts(self):
        self.request("from-hosts")

    def test_changed_servers(self):
        os.rename("/etc/resolv.conf", "/etc/resolv.conf.away")
        self.addCleanup(os.rename, "/etc/resolv.conf.away", "/etc/resolv.conf")
        with open("/etc/resolv.conf", "w", encoding="utf-8") as file:
            file.write("nameserver 127.0.0.9\noptions timeout:1 attempts:1\n")
        self.names["bob.example", TYPE_A] = ["127.0.0.1"]
        with self.assertRaises(rig.Refused):
            self.request("bob.example")
        os.unlink("/etc/resolv.conf")  # without one, the server is on this host
        self.request("bob.example")


if __name__ == "__main__":
    if INSIDE in os.environ:
        make_place()
        rig.main()
    elif can_go_inside():
        go_inside()
    else:
        print("1..0 # SKIP needs root, and namespaces of its own")
