"""doctor of a service, from within its sandbox, and what the client says when it does not answer
(p2pchatd(8), When something is wrong)."""

import machine

TRACKER = "/run/p2pchat-tracker/control.sock"


class Doctor(machine.Test):
    def ends(self, m, status, what, *command):
        done = m.run(*command, check=False)
        self.assertEqual(done.code, status, done)
        self.assertIn(what, done.out + done.err)
        return done

    def test_a_service(self):
        m = self.machine().boot()
        m.run("systemctl", "start", "p2pchatd")
        done = self.ends(m, 0, "ok       systemd        it hears how the daemon is doing, and "
                         "restarts it when that hangs for 90 s", "p2pchatctl", "doctor")
        self.assertNotIn("PROBLEM", done.out)
        self.assertIn("/run/p2pchat/control.sock, for its owner and its group only", done.out)
        m.run("systemctl", "start", "p2pchat-tracker")
        self.ends(m, 0, "ok       listening      [::]:28471 accepts", "p2pchatctl",
                  f"--socket={TRACKER}", "doctor")

        m.run("chmod", "0644", "/var/lib/p2pchat/identity.key")
        self.ends(m, 1, "PROBLEM  permissions    /var/lib/p2pchat/identity.key: can be read",
                  "p2pchatctl", "doctor")

    def test_who_may_not(self):
        m = self.machine().boot()
        m.run("useradd", "--user-group", "eve")
        as_eve = ("setpriv", "--reuid=eve", "--regid=eve", "--clear-groups", "p2pchatctl", "doctor")
        self.ends(m, 3, "it is for the group p2pchat only; 'adduser YOU p2pchat' by root", *as_eve)
        m.run("usermod", "--append", "--groups=p2pchat", "eve")
        self.ends(m, 3, "you are in the group p2pchat, but were not yet when you logged in", *as_eve)
        self.ends(m, 0, "ok       socket", "setpriv", "--reuid=eve", "--regid=eve", "--init-groups",
                  "p2pchatctl", "doctor")

    def test_nobody_answers(self):
        m = self.machine().boot()
        self.ends(m, 3, "there is no such socket; 'systemctl start p2pchat-tracker.socket' starts "
                  "the service", "p2pchatctl", f"--socket={TRACKER}", "doctor")
        m.run("systemctl", "start", "p2pchatd")
        m.run("systemctl", "kill", "--signal=SIGSTOP", "p2pchatd")
        self.ends(m, 3, "the daemon hangs, or systemd cannot start it; 'systemctl status p2pchatd' "
                  "tells what it does", "p2pchatctl", "--timeout=1", "doctor")
        m.run("systemctl", "kill", "--signal=SIGCONT", "p2pchatd")
        self.ends(m, 0, "ok       disk", "p2pchatctl", "doctor")
        m.run("systemctl", "stop", "p2pchatd.socket", "p2pchatd.service")
        self.ends(m, 3, "'systemctl start p2pchatd.socket' starts the service", "p2pchatctl",
                  "doctor")


if __name__ == "__main__":
    machine.main()
