"""The daemon's own log: nothing secret is in it at any level, nobody else makes lines of it, and a
terminal shows it to people."""

import os
import pty
import re
import shutil
import subprocess

import dialect
import original
import rig

LEVELS = ("error", "warning", "notice", "info", "debug")
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} (?:error|warning|notice|info|debug): "
                  r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e]+ code=[a-z_]+(?: [a-z]+=\S+)*")
FORGED = "2026-01-01 00:00:00.000 error: FORGED code=storage_full"
EVIL = [f"x\n{FORGED}\n", f"x\r\n<0>{FORGED}", "x\x1b[2J\x1b]0;FORGED\x07", "x\u202eDEGROF\u2028FORGED",
        "FORGED" * 900, "x\x00FORGED", "x code=ready peer=FORGED", "x\x7f\x9bFORGED"]
CATALOG = os.path.join(os.environ.get("top_srcdir", "."), "systemd", "catalog", "p2pchat.catalog")


class Log(dialect.Dialect):
    def assert_lines(self, daemon):
        """All that it said is lines as ours are."""
        for line in daemon.log().split("\n")[:-1]:
            self.assertRegex(line, LINE)
            self.assertIsNotNone(LINE.fullmatch(line), line)

    def test_nothing_secret_at_any_level(self):
        greeting, text, key, alias = "SecretGreeting", "SecretText", "SecretKey", "Secret-Alias"
        for level in LEVELS:
            with self.subTest(level):
                alice, bob = (self.node(name, f"--log-level={level}", place=level)
                              for name in ("alice", "bob"))
                bob.call("chat.request", to=alice.address(), greeting=greeting)
                asked = alice.events.event("chat.requested")
                alice.call("chat.accept", request=asked["request"], **{"as": alias})
                bob.events.event("chat.accepted")
                for words in (text, text + "\n" + text):
                    bob.call("chat.message", peer="alice", text=words, key=key, wait=True)
                    key += "s"
                self.assert_refused("no_such_peer", bob.call, "chat.message", peer=text, text=text)
                self.assert_refused("too_long", bob.call, "chat.message", peer="alice",
                                    text=text * 10000)
                self.assert_refused("bad_text", bob.call, "chat.message", peer="alice",
                                    text=text + "\x07")
                self.assert_refused("method_not_found", bob.call, text)
                alice.call("history", search=text)
                peer = self.peer("Secret-Peer")
                self.meet(alice, peer)
                peer.message("alice", text)
                alice.events.event("message.received")
                secrets = [greeting, text, "SecretKey", alias, "Secret-Peer"]
                for daemon in (alice, bob):
                    with open(os.path.join(daemon.state, "identity.key"), encoding="ascii") as file:
                        secrets.append(file.read().split()[1])
                    self.assertEqual(daemon.end(), 0)
                    for secret in secrets:
                        self.assertNotIn(secret.lower(), daemon.log().lower())
                    self.assert_lines(daemon)
                    self.assertEqual("code=ready" in daemon.log(), level in LEVELS[2:])
                    self.assertEqual("code=link_closed" in daemon.log(), level in LEVELS[3:])
                self.assertEqual("code=call_refused" in bob.log(), level == "debug")

    def test_nobody_else_makes_lines(self):
        node = self.node("node", "--log-level=debug")
        tracker = self.tracker("--log-level=debug")
        mallory = self.start(original.Endpoint())
        with node.client() as client:
            for number, evil in enumerate(EVIL):
                client.send_bytes(evil.encode() + b"\n")
                for to in (node.classic, tracker.classic):
                    for kind in ("CHAT_REQUEST", "CHAT_MESSAGE", "REGISTER", evil):
                        mallory.send(to, kind, peername=evil, host="127.0.0.1", port=mallory.port,
                                     message=evil, number=number)
                    mallory.send_bytes(to, b'{"msgtype":"CHAT_REQUEST","msgdata":{"peername":"\xff'
                                       + evil.encode() + b'\xc3"}}')
                client.send(evil)
                client.send("chat.message", peer=evil[:64], text=evil)
        with original.Endpoint() as other:  # what comes last is heard last
            other.send(node.classic, "CHAT_REQUEST", peername="other", host="127.0.0.1",
                       port=other.port)
            rig.wait_for(lambda: any(r["name"] == "other" for r in
                                     node.call("chat.requests")["requests"]), "the last request")
        for daemon in (node, tracker):
            self.assertEqual(daemon.end(), 0)
            self.assertIn("code=classic_refused", daemon.log())
            self.assertNotIn("FORGED", daemon.log())
            self.assert_lines(daemon)

    def at_terminal(self, **environment):
        """What a daemon writes to a terminal, from start to end."""
        ours, its = pty.openpty()
        daemon = self.daemon("alice", "--listen=127.0.0.1:0")
        settings = {**os.environ, "TERM": "xterm", "NO_COLOR": "", **environment}
        daemon.process = subprocess.Popen(daemon.command(), stderr=its, stdin=subprocess.DEVNULL,
                                          env=settings)
        os.close(its)
        with open(daemon.log_path, "wb"):
            pass
        rig.wait_for(daemon.try_client, "alice's control socket")
        self.assertEqual(daemon.end(), 0)
        said = b""
        while True:
            try:
                said += os.read(ours, 65536)
            except OSError:  # nobody has the other end
                os.close(ours)
                return said.decode()

    def test_for_people_at_a_terminal(self):
        coloured = self.at_terminal()
        self.assertIn("\x1b[1mnotice:\x1b[0m p2pchatd ", coloured)
        for said in (self.at_terminal(NO_COLOR="1"), self.at_terminal(TERM="dumb")):
            self.assertNotIn("\x1b", said)
            self.assertRegex(said, r"\d\d:\d\d:\d\d notice: p2pchatd \S+ is ready as a node: alice")
            self.assertNotIn("code=", said)

    @rig.unittest.skipUnless(shutil.which("journalctl"), "needs journalctl")
    def test_the_catalog_is_one(self):
        for part in ("usr/lib/systemd/catalog", "var/lib/systemd/catalog"):
            os.makedirs(self.path("root", part))
        shutil.copy(CATALOG, self.path("root", "usr/lib/systemd/catalog"))

        def journalctl(*words):
            done = subprocess.run(["journalctl", f"--root={self.path('root')}", *words],
                                  capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            return done.stdout

        journalctl("--update-catalog")
        with open(CATALOG, encoding="utf-8") as file:
            entries = re.findall(r"^-- (\w{32})$", file.read(), re.M)
        self.assertEqual([line.split()[0] for line in journalctl("--list-catalog").splitlines()],
                         sorted(entries))


if __name__ == "__main__":
    rig.main()
