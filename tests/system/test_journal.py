"""What the journal of systemd is told: entries with fields that nobody else makes, and lines when it
is not there. The journal is a socket of ours, in a place of this test's own."""

import os
import re
import socket
import struct
import subprocess
import threading

import dialect
import inside
import original
import rig
import wire

SOCKET = "/run/systemd/journal/socket"
TABLE = os.path.join(os.environ.get("top_srcdir", "."), "daemon", "log_code.def")
FORGED = "x\nPRIORITY=0\nMESSAGE=FORGED\nP2PCHAT_CODE=ready\n\nMESSAGE=FORGED"


def message_ids():
    """By code."""
    with open(TABLE, encoding="utf-8") as file:
        return dict(re.findall(r'"(\w+)",[^"]*?"([0-9a-f]{32})"', file.read()))


def fields_of(datagram):
    """As the journal takes them apart: https://systemd.io/JOURNAL_NATIVE_PROTOCOL."""
    fields = []
    while datagram:
        line, _, datagram = datagram.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            size, = struct.unpack("<Q", datagram[:8])
            value, datagram = datagram[8:8 + size], datagram[8 + size + 1:]
        fields.append((name.decode(), value.decode()))
    entry = dict(fields)
    assert len(entry) == len(fields), fields  # each field once
    return entry


class Journal(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)
        self.entries = []
        self.is_over = False
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(SOCKET)
        self.start()

    def run(self):
        while True:
            datagram = self.socket.recv(1 << 20)
            if self.is_over:
                return
            if datagram:  # else it only shows that it was received
                self.entries.append(fields_of(datagram))

    def find(self, code):
        return [entry for entry in self.entries if entry.get("P2PCHAT_CODE") == code]

    def wait(self, code, count=1):
        rig.wait_for(lambda: len(self.find(code)) >= count, f"{count} entries {code}",
                     lambda: len(self.entries))
        return self.find(code)[-1]

    def close(self):
        os.unlink(SOCKET)
        self.is_over = True
        self.socket.shutdown(socket.SHUT_RD)
        self.join()
        self.socket.close()


class Entries(dialect.Dialect):
    def setUp(self):
        super().setUp()
        self.journal = Journal()
        self.addCleanup(self.end_journal)

    def end_journal(self):
        if self.journal is not None:
            self.journal.close()
        self.journal = None

    def service(self, name, *options):
        """A node whose standard error is, as far as it can see, a stream to the journal."""
        path = self.write(name + ".log", "", 0o644)
        place = os.stat(path)
        return self.speaker(name, *options,
                            prefix=("env", f"JOURNAL_STREAM={place.st_dev}:{place.st_ino}"))

    def test_who_it_is(self):
        alice = self.service("alice")
        entry = self.journal.wait("ready")
        identity = alice.call("identity")["peer_id"]
        self.assertEqual(alice.end(), 0)
        self.journal.wait("stopped")
        self.assertEqual(entry["P2PCHAT_PEER"], identity)
        self.assertEqual(entry["MESSAGE_ID"], message_ids()["ready"])
        self.assertEqual((entry["PRIORITY"], entry["SYSLOG_IDENTIFIER"]), ("5", "p2pchatd"))
        self.assertIn("is ready as a node: alice", entry["MESSAGE"])
        self.assertNotIn("code=", entry["MESSAGE"])
        self.assertEqual(alice.log(), "")  # nothing is said twice
        codes = [entry["P2PCHAT_CODE"] for entry in self.journal.entries]
        self.assertEqual(codes, ["identity_new", "ready", "stopping", "stopped"])

    def test_refused_links(self):
        alice, bob = self.service("alice"), self.person("bob")
        host, port = alice.address().rsplit(":", 1)
        with socket.create_connection((host, int(port))) as nobody:
            at = "%s:%d" % nobody.getsockname()
            nobody.sendall(b"GET / HTTP/1.1\r\nHost: FORGED\r\n\r\n" * 10)
            entry = self.journal.wait("link_refused")
        self.assertEqual((entry["P2PCHAT_ADDRESS"], entry["P2PCHAT_ERROR"], entry["PRIORITY"]),
                         (at, "handshake", "6"))
        self.assertRegex(entry["P2PCHAT_LINK"], r"^\d+$")
        self.assertNotIn("P2PCHAT_PEER", entry)

        spoilt = wire.Wire(alice.address(), wire.Alter(wire.DIALLER, 3, 5))
        self.addCleanup(spoilt.close)
        with bob.client() as client:
            client.send("chat.request", to=spoilt.address, greeting="FORGED")
            entry = self.journal.wait("link_refused", 2)
        self.assertEqual((entry["P2PCHAT_PEER"], entry["P2PCHAT_ERROR"], entry["PRIORITY"]),
                         (bob.call("identity")["peer_id"], "tampered", "4"))
        self.assertEqual(entry["MESSAGE_ID"], message_ids()["link_refused"])
        self.assertIn("a link was refused: tampered (peer ", entry["MESSAGE"])
        self.assertNotIn("FORGED", str(self.journal.entries))

    def test_nobody_else_makes_entries_or_fields(self):
        alice = self.service("alice", "--log-level=debug")
        mallory = self.start(original.Endpoint())
        for kind in ("CHAT_REQUEST", "CHAT_MESSAGE", FORGED):
            mallory.send(alice.classic, kind, peername=FORGED, host="127.0.0.1", port=mallory.port,
                         message=FORGED)
        self.assert_refused("method_not_found", alice.call, FORGED)
        self.journal.wait("classic_refused")
        entry = self.journal.wait("call_refused")
        self.assertEqual((entry["P2PCHAT_UID"], entry["P2PCHAT_PID"], entry["P2PCHAT_ERROR"]),
                         (str(os.getuid()), str(os.getpid()), "method_not_found"))
        alice.call("shutdown")
        entry = self.journal.wait("stopping")
        self.assertEqual((entry["P2PCHAT_METHOD"], entry["P2PCHAT_PID"]),
                         ("shutdown", str(os.getpid())))
        alice.process.wait(rig.DEADLINE_S)
        self.assertNotIn("FORGED", str(self.journal.entries))
        self.assertEqual(len(self.journal.find("ready")), 1)

    def test_lines_when_there_is_no_journal(self):
        alice = self.service("alice")
        self.journal.wait("ready")
        self.end_journal()
        alice.call("shutdown")
        self.assertEqual(alice.process.wait(rig.DEADLINE_S), 0)
        stopping, stopped = alice.log().splitlines()
        self.assertRegex(stopping, "^<5>shutdown was called by .* code=stopping method=shutdown ")
        self.assertEqual(stopped, "<5>stopped code=stopped")


if __name__ == "__main__":
    if inside.INSIDE in os.environ:
        os.makedirs(os.path.dirname(SOCKET), exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", os.path.dirname(SOCKET)], check=True)
    inside.main()
