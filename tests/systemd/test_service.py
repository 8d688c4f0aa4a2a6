"""What services say to systemd, and what it hands to them: p2pchatd(8), As a service."""

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import time

import machine
import rig
import slow
import test_units

UNIT = "p2pchatd.service"
STATE = "/var/lib/p2pchat"


class Service(slow.Test, test_units.Services):
    pass


class Notifications(Service):
    def status_text(self, m):
        return m.show(UNIT, "StatusText")

    def test_status(self):
        m = self.booted()
        self.assertEqual(self.status_text(m), "0 links, 0 contacts, 0 queued; log ok")
        self.node_beside(m)
        self.befriend(m, f"127.0.0.1:{test_units.BOB_PORT}")
        rig.wait_for(lambda: self.status_text(m) == "1 link, 1 contact, 0 queued; log ok",
                     "the link to be told")
        m.run("systemctl", "stop", "bob.service")
        m.run("p2pchatctl", "chat", "message", "bob", "Hello, bob.")
        rig.wait_for(lambda: self.status_text(m) == "0 links, 1 contact, 1 queued; log ok",
                     "the message to be told")

    def test_a_disk_that_does_not_answer(self):
        m = self.booted()
        self.slow(m, m.main_pid(UNIT), "fdatasync", slow.FOR_EVER_S)
        watch = m.spawn("p2pchatctl", "watch", "--as=bot", "--no-reconnect",
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(watch.wait)
        self.addCleanup(m.close)  # which ends it
        silence = r"the disk has not answered for \d+ s$"
        rig.wait_for(lambda: re.search("log failing: " + silence, self.status_text(m)),
                     "the silence to be told")
        log = m.call("status")["log"]
        self.assertEqual((log["state"], log["free_bytes"]), ("failing", None))
        self.assertRegex(log["reason"], silence)
        self.assertIn('p2pchat_log_state{role="node",state="ok"} 0',
                      m.run("p2pchatctl", "metrics").out)
        self.swift_again(m)
        rig.wait_for(lambda: self.status_text(m).endswith("log ok"), "the disk to answer")


class Long(Service):
    """What takes longer than systemd waits, and goes on."""

    def put_older_database(self, m):
        """The saved database, as if this node had made it."""
        path = self.path("p2pchat.db")
        shutil.copy(m.path(f"{STATE}/p2pchat.db"), path)
        with contextlib.closing(sqlite3.connect(path)) as database:
            (key,) = database.execute("SELECT value FROM meta WHERE name = 'key'").fetchone()
        os.unlink(path)
        saved_path = f"{os.environ['top_srcdir']}/tests/data/store_1.sql"
        with contextlib.closing(sqlite3.connect(path)) as database, database:
            with open(saved_path, encoding="utf-8") as saved:
                database.executescript(saved.read())
            database.execute("UPDATE meta SET value = ? WHERE name = 'key'", (key,))
        for suffix in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(m.path(f"{STATE}/p2pchat.db{suffix}"))
        shutil.copyfile(path, m.path(f"{STATE}/p2pchat.db"))

    def test_start(self):
        """A migration on a slow disk; meanwhile nobody takes it for ready."""
        timeout_s = 10
        m = self.booted()
        m.run("systemctl", "stop", "p2pchatd.socket", UNIT)
        self.put_older_database(m)
        m.drop_in(UNIT, f"[Service]\nTimeoutStartSec={timeout_s}\n")
        self.hold(m, UNIT)
        begun = time.monotonic()
        start = self.start_slowly(m, UNIT, "pwrite64,fdatasync", 0.5)
        rig.wait_for(lambda: m.show(UNIT, "StatusText") == "Opening the log", "it to begin")
        self.assertEqual(m.show(UNIT, "ActiveState"), "activating")
        self.assertEqual(start.wait(machine.COMMAND_S), 0)
        self.assertGreater(time.monotonic() - begun, timeout_s)
        self.assertEqual(m.show(UNIT, "ActiveState", "NRestarts"),
                         {"ActiveState": "active", "NRestarts": "0"})
        self.assertEqual(m.call("status")["queued"], 3)

    def test_start_that_hangs(self):
        m = self.booted()
        m.run("systemctl", "stop", "p2pchatd.socket", UNIT)
        m.drop_in(UNIT, "[Service]\nTimeoutStartSec=10\nRestart=no\n")
        self.hold(m, UNIT)
        start = self.start_slowly(m, UNIT, "fdatasync", slow.FOR_EVER_S)
        rig.wait_for(lambda: "start operation timed out" in m.messages("-u", UNIT), "the end")
        start.kill()
        start.wait()

    def test_end(self):
        """The log is copied into the database, and kept, on a slow disk."""
        timeout_s = 8
        m = self.booted()
        self.node_beside(m)
        self.befriend(m, f"127.0.0.1:{test_units.BOB_PORT}")
        for _ in range(10):
            m.run("p2pchatctl", "chat", "message", "--wait", "bob", "-", text="x" * 60000)
        m.drop_in(UNIT, f"[Service]\nTimeoutStopSec={timeout_s}\n")
        self.slow(m, m.main_pid(UNIT), "pwrite64", 0.1)
        begun = time.monotonic()
        m.run("systemctl", "stop", UNIT)
        self.assertGreater(time.monotonic() - begun, timeout_s)
        self.assertEqual(m.show(UNIT, "Result", "ExecMainStatus"),
                         {"Result": "success", "ExecMainStatus": "0"})
        self.assertFalse(os.path.exists(m.path(f"{STATE}/p2pchat.db-wal"))
                         and os.path.getsize(m.path(f"{STATE}/p2pchat.db-wal")) > 0)


class Credentials(Service):
    def test_from_the_store(self):
        """What an administrator put there is used; only the service can read it."""
        m = self.booted()
        line = m.read(f"{STATE}/identity.key")
        peer_id = m.call("whoami")["peer_id"]
        m.run("systemctl", "stop", UNIT)
        os.unlink(m.path(f"{STATE}/identity.key"))
        m.write("/etc/credstore/p2pchat.identity", line, 0o600)
        m.write("/etc/credstore/p2pchat.network-key", "5a" * 31 + "5b\n", 0o600)
        for extra in ("", "DynamicUser=yes\n"):
            m.drop_in(UNIT, f"[Service]\n{extra}")
            m.run("systemctl", "restart", UNIT)
            self.assertEqual(m.call("whoami")["peer_id"], peer_id)
        m.write("/etc/credstore/p2pchat.network-key", "a word\n", 0o600)
        self.assertNotEqual(m.run("systemctl", "restart", UNIT, check=False).code, 0)
        self.assertEqual(m.show(UNIT, "ExecMainStatus", "NRestarts"),
                         {"ExecMainStatus": "78", "NRestarts": "0"})
        self.assertIn("the credential p2pchat.network-key is no key", m.messages("-u", UNIT))

    def test_each_service_has_its_own(self):
        m = self.booted()
        node, line = m.call("whoami")["peer_id"], m.read(f"{STATE}/identity.key")
        m.write("/etc/credstore/p2pchat.identity", line, 0o600)
        m.run("systemctl", "start", "p2pchat-tracker.service")
        tracker = m.call("whoami", service="p2pchat-tracker")["peer_id"]
        self.assertNotEqual(tracker, node)
        m.run("systemctl", "stop", "p2pchat-tracker.service")
        state = m.path("/var/lib/p2pchat-tracker")
        m.write("/etc/credstore/p2pchat-tracker.identity", m.read(
            "/var/lib/p2pchat-tracker/identity.key"), 0o600)
        os.unlink(f"{state}/identity.key")
        m.run("systemctl", "start", "p2pchat-tracker.service")
        self.assertEqual(m.call("whoami", service="p2pchat-tracker")["peer_id"], tracker)
        self.assertFalse(os.path.exists(f"{state}/identity.key"))


if __name__ == "__main__":
    machine.main()
