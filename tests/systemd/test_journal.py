"""The journal of a real systemd: entries with their fields, explained by the installed catalog, and
of our unit also when the daemon is gone before the journal looks at it."""

import os
import re
import shutil
import time

import machine

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = os.path.join(HERE, "..", "..", "daemon", "log_code.def")
CONFIG = "/etc/p2pchat/p2pchatd.conf"
PORT = 28470

# Somebody whose links to the node are spoilt on the way: the second frame of a proved link.
SPOIL = f"""
import sys, time
sys.path.insert(0, "/opt/wire")
import wire
spoilt = wire.Wire("127.0.0.1:{PORT}", wire.Alter(wire.DIALLER, 3, 5))
print(spoilt.address, flush=True)
time.sleep(3600)
"""


WATCHDOG_S = 15

# Calls that are refused, each a line of level debug; ends when all were answered.
CALLS = 2000
REFUSED = f"""
import json, socket
control = socket.socket(socket.AF_UNIX)
control.connect("/run/p2pchat/control.sock")
answers = control.makefile("rb")
for number in range({CALLS}):
    control.sendall(json.dumps({{"jsonrpc": "2.0", "id": number, "method": "chat.message",
                                "params": {{"peer": "nobody", "text": "hi"}}}}).encode() + b"\\n")
    assert json.loads(answers.readline())["id"] == number
"""


def message_ids():
    """By code."""
    with open(TABLE, encoding="utf-8") as file:
        return dict(re.findall(r'"(\w+)",[^"]*?"([0-9a-f]{32})"', file.read()))


class Journal(machine.Test):
    def entries(self, m, code):
        return m.journal("--unit=p2pchatd.service", f"P2PCHAT_CODE={code}")

    def wait_for(self, m, code):
        return machine.rig.wait_for(lambda: self.entries(m, code), f"an entry {code}")

    def spoilt_place(self, m):
        """Where the node is reached by who is then refused."""
        m.write("/opt/wire/wire.py", "")
        shutil.copy(os.path.join(HERE, "..", "system", "wire.py"), m.path("/opt/wire/wire.py"))
        proxy = m.spawn("python3", "-B", "-c", SPOIL, stdout=machine.subprocess.PIPE)
        self.addCleanup(proxy.wait)
        self.addCleanup(proxy.stdout.close)
        self.addCleanup(m.close)
        return proxy.stdout.readline().decode().strip()

    def test_refused_link(self):
        m = self.machine().boot()
        place = self.spoilt_place(m)
        daemon = m.show("p2pchatd.service", "ExecStart").split("path=")[1].split()[0]
        m.run("systemd-run", "--unit=bob", "--property=Type=notify", daemon, "--name=bob",
              "--listen=127.0.0.1:0", "--state-dir=/tmp/bob", "--socket=/tmp/bob/control.sock")
        bob = ("p2pchatctl", "--socket=/tmp/bob/control.sock", "--json")
        peer_id = machine.json.loads(m.run(*bob, "whoami").out)["peer_id"]
        m.run(*bob, "chat", "request", *place.split(":"), check=False)
        entry, = self.wait_for(m, "link_refused")
        self.assertEqual({name: entry.get(name) for name in
                          ("MESSAGE_ID", "P2PCHAT_PEER", "P2PCHAT_ERROR", "PRIORITY",
                           "SYSLOG_IDENTIFIER", "_TRANSPORT", "_SYSTEMD_UNIT")},
                         {"MESSAGE_ID": message_ids()["link_refused"], "P2PCHAT_PEER": peer_id,
                          "P2PCHAT_ERROR": "tampered", "PRIORITY": "4",
                          "SYSLOG_IDENTIFIER": "p2pchatd", "_TRANSPORT": "journal",
                          "_SYSTEMD_UNIT": "p2pchatd.service"})
        self.assertRegex(entry["P2PCHAT_ADDRESS"], r"^127\.0\.0\.1:\d+$")
        self.assertRegex(entry["P2PCHAT_LINK"], r"^\d+$")
        explained = m.run("journalctl", "--no-pager", "-x", "P2PCHAT_CODE=link_refused").out
        self.assertIn("Subject: A link of p2pchat was refused", explained)
        self.assertIn("broke the rules of the protocol", explained)

    def test_every_entry_is_explained(self):
        m = self.machine().boot()
        known = m.run("journalctl", "--list-catalog").out
        for code, ident in message_ids().items():
            self.assertIn(ident, known, code)
        m.run("p2pchatctl", "shutdown")
        entry, = self.wait_for(m, "stopping")
        self.assertEqual((entry["P2PCHAT_METHOD"], entry["P2PCHAT_UID"]), ("shutdown", "0"))
        self.assertRegex(entry["P2PCHAT_PID"], r"^\d+$")
        for code in ("identity_new", "ready", "stopped"):
            self.wait_for(m, code)
        for entry in m.journal("--unit=p2pchatd.service", "_TRANSPORT=stdout"):
            self.assertNotIn("code=", entry["MESSAGE"])  # every line went the other way

    def test_users_outside_are_not_called_nobody(self):
        """PrivateUsers= shows root and the service's own user, and all others as one."""
        m = self.machine()
        m.write(CONFIG, "[Log]\nLevel=debug\n")
        m.boot()
        m.run("useradd", "--groups=p2pchat", "carol")
        m.run("p2pchatctl", "reload", user="carol", check=False)
        outside, = self.wait_for(m, "call_refused")
        self.assertEqual(outside["P2PCHAT_METHOD"], "reload")
        self.assertNotIn("P2PCHAT_UID", outside)
        self.assertRegex(outside["P2PCHAT_PID"], r"^\d+$")

    def test_the_journal_hangs(self):
        """Which costs lines, and no conversation."""
        m = self.machine()
        m.write(CONFIG, "[Log]\nLevel=debug\n")
        m.drop_in("p2pchatd.service", f"[Service]\nWatchdogSec={WATCHDOG_S}\n")
        m.boot()
        pid = m.main_pid("p2pchatd.service")
        journald = str(m.main_pid("systemd-journald.service"))
        m.run("kill", "-STOP", journald)
        end = time.monotonic() + 2 * WATCHDOG_S
        while time.monotonic() < end:
            m.run("python3", "-c", REFUSED)
        self.assertEqual(m.main_pid("p2pchatd.service"), pid)
        self.assertEqual(m.show("p2pchatd.service", "NRestarts"), "0")
        m.run("kill", "-CONT", journald)
        lost = self.wait_for(m, "lines_lost")
        self.assertGreater(int(lost[0]["P2PCHAT_COUNT"]), CALLS / 2)
        self.assertEqual(lost[0]["MESSAGE_ID"], message_ids()["lines_lost"])
        m.run("p2pchatctl", "status")

    def test_why_it_did_not_start(self):
        """The last words are the unit's, however short it lived."""
        m = self.machine().boot()
        m.drop_in("p2pchatd.service", "[Service]\nRestart=no\n")
        m.write(CONFIG, "[Node]\nNaem=alice\nListen=nowhere\n")
        for count in range(1, 21):
            m.run("systemctl", "reset-failed", "p2pchatd.service", check=False)
            self.assertNotEqual(m.run("systemctl", "restart", "p2pchatd.service",
                                      check=False).code, 0)
            machine.rig.wait_for(lambda: len(self.entries(m, "bad_config")) == 2 * count,
                                 "both mistakes")
        said = [entry["MESSAGE"] for entry in self.entries(m, "bad_config")][-2:]
        self.assertIn(f"{CONFIG}:2: ", said[0])
        self.assertIn(f"{CONFIG}:3: ", said[1])


if __name__ == "__main__":
    machine.main()
