"""Services that read their configuration again: `systemctl reload` (p2pchatd(8), Reload)."""

import subprocess

import machine
import rig

NODE = "/etc/p2pchat/p2pchatd.conf"
TRACKER = "/etc/p2pchat-tracker/tracker.conf"


class Reload(machine.Test):
    def booted(self):
        m = self.machine()
        m.boot()
        m.run("systemctl", "start", "p2pchatd.service")
        return m

    def started(self, m, unit="p2pchatd"):
        """What would be another if it had been restarted."""
        return m.show(unit, "MainPID", "NRestarts", "ActiveEnterTimestampMonotonic")["MainPID"]

    def name(self, m, service="p2pchat"):
        return m.call("status", service=service)["name"]

    def assert_runs_on(self, m, pid, unit="p2pchatd"):
        self.assertEqual(m.show(unit, "ActiveState", "SubState", "MainPID"),
                         {"ActiveState": "active", "SubState": "running", "MainPID": pid})

    def test_done_when_it_returns(self):
        m = self.booted()
        pid = self.started(m)
        m.write(NODE, "[Node]\nName=anna\nListen=127.0.0.1:0\n")
        m.run("systemctl", "reload", "p2pchatd")
        self.assertEqual(self.name(m), "anna")
        self.assert_runs_on(m, pid)
        told = [entry for entry in m.journal("-u", "p2pchatd")
                if entry.get("P2PCHAT_CODE") == "reloaded"]
        self.assertEqual([entry["MESSAGE"] for entry in told],
                         ["the configuration was read again; changed: Node.Name; "
                          "needs a restart: Node.Listen"])
        m.run("systemctl", "restart", "p2pchatd")
        self.assertRegex(m.call("status")["listen"][0], r"^127\.0\.0\.1:")
        m.run("systemctl", "reload", "p2pchatd")
        self.assertIn("read again; nothing has changed", m.messages("-u", "p2pchatd"))

    def test_waits(self):
        """A daemon that is stopped has not read it; when it goes on, the reload ends."""
        m = self.booted()
        pid = self.started(m)
        m.write(NODE, "[Node]\nName=anna\n")
        m.run("kill", "-STOP", pid)
        reload = m.spawn("systemctl", "reload", "p2pchatd", stderr=subprocess.DEVNULL)
        rig.wait_for(lambda: m.show("p2pchatd", "ActiveState") == "reloading", "the reload")
        self.assertIsNone(reload.poll())
        m.run("kill", "-CONT", pid)
        self.assertEqual(reload.wait(rig.DEADLINE_S), 0)
        self.assertEqual(self.name(m), "anna")
        self.assert_runs_on(m, pid)

    def test_the_end_overtakes_it(self):
        """What is stopped while it is to read its configuration has not failed."""
        m = self.booted()
        m.run("kill", "-STOP", self.started(m))
        reload = m.spawn("systemctl", "reload", "p2pchatd", stderr=subprocess.DEVNULL)
        rig.wait_for(lambda: m.show("p2pchatd", "ActiveState") == "reloading", "the reload")
        m.run("systemctl", "stop", "p2pchatd")
        reload.wait(rig.DEADLINE_S)
        self.assertEqual(m.show("p2pchatd", "ActiveState", "Result"),
                         {"ActiveState": "inactive", "Result": "success"})

    def test_fails_when_the_file_is_bad(self):
        m = self.booted()
        pid, name = self.started(m), self.name(m)
        m.write(NODE, "[Node]\nName=anna\n[Log]\nLevel=loud\n")
        done = m.run("systemctl", "reload", "p2pchatd", check=False)
        self.assertNotEqual(done.code, 0)
        self.assertEqual(self.name(m), name)
        self.assert_runs_on(m, pid)
        refused = [entry for entry in m.journal("-u", "p2pchatd")
                   if entry.get("P2PCHAT_CODE") == "reload_refused"]
        self.assertEqual([entry["MESSAGE"] for entry in refused],
                         [f"{NODE}:4: Level=loud: must be error, warning, notice, info or debug"])
        said = m.messages("-u", "p2pchatd")
        self.assertEqual(said.count("Level=loud"), 1, said)  # p2pchatctl does not say it again
        self.assertIn("nothing was changed: p2pchatd's log says what is wrong", said)

        # And again when it is right.
        m.write(NODE, "[Node]\nName=anna\n")
        m.run("systemctl", "reload", "p2pchatd")
        self.assertEqual(self.name(m), "anna")
        self.assert_runs_on(m, pid)

    def test_something_else_in_its_place(self):
        m = self.booted()
        pid, name = self.started(m), self.name(m)
        for make in ("mkfifo", "mkdir", "ln -s /dev/zero", "truncate --size=1T",
                     "ln -s /etc/shadow"):
            m.run("sh", "-c", f"{make} {NODE}")
            done = m.run("systemctl", "reload", "p2pchatd", check=False)
            self.assertNotEqual(done.code, 0, make)
            self.assertEqual(self.name(m), name)
            m.run("rm", "-r", NODE)
        m.run("systemctl", "reload", "p2pchatd")  # none means the defaults
        self.assert_runs_on(m, pid)

    def test_signal(self):
        m = self.booted()
        pid = self.started(m)
        m.write(NODE, "[Node]\nName=anna\n")
        m.run("systemctl", "kill", "--kill-who=main", "--signal=HUP", "p2pchatd")
        rig.wait_for(lambda: self.name(m) == "anna", "the name")
        rig.wait_for(lambda: m.show("p2pchatd", "ActiveState") == "active", "the end of it")
        m.write(NODE, "[Node\n")
        m.run("systemctl", "kill", "--kill-who=main", "--signal=HUP", "p2pchatd")
        rig.wait_for(lambda: "[Node: its ] is missing" in m.messages("-u", "p2pchatd"), "its line")
        rig.wait_for(lambda: m.show("p2pchatd", "ActiveState") == "active", "the end of it")
        self.assert_runs_on(m, pid)
        self.assertEqual(self.name(m), "anna")

    def test_socket_of_the_unit(self):
        """Its path in the configuration is that of the socket that systemd passes."""
        m = self.booted()
        m.write(NODE, "[Control]\nSocket=/var/run/p2pchat/control.sock\n")  # /var/run leads to /run
        m.run("systemctl", "reload", "p2pchatd")
        self.assertIn("read again; nothing has changed", m.messages("-u", "p2pchatd"))
        m.run("systemctl", "restart", "p2pchatd")
        self.name(m)
        self.assertNotIn("nobody is served there", m.messages("-u", "p2pchatd"))

    def test_tracker(self):
        m = self.machine()
        m.boot()
        m.run("systemctl", "start", "p2pchat-tracker.service")
        pid = self.started(m, "p2pchat-tracker")
        m.write(TRACKER, "[Node]\nName=friends\n")
        m.run("systemctl", "reload", "p2pchat-tracker")
        self.assertEqual(self.name(m, "p2pchat-tracker"), "friends")
        m.write(TRACKER, "[Tracker]\nUse=tracker.example.org:28471\n")
        done = m.run("systemctl", "reload", "p2pchat-tracker", check=False)
        self.assertNotEqual(done.code, 0)
        self.assert_runs_on(m, pid, "p2pchat-tracker")
        self.assertEqual(self.name(m, "p2pchat-tracker"), "friends")

    def test_only_the_owner(self):
        """Who is in the group talks as the node, and does not reload it."""
        m = self.booted()
        m.run("useradd", "--groups=p2pchat", "carol")
        m.write(NODE, "[Node]\nName=anna\n")
        done = m.run("p2pchatctl", "reload", user="carol", check=False)
        self.assertEqual(done.code, 1)
        self.assertIn("(forbidden)", done.err)
        self.assertNotEqual(self.name(m), "anna")
        m.run("p2pchatctl", "reload", user="p2pchat")
        self.assertEqual(self.name(m), "anna")


if __name__ == "__main__":
    machine.main()
