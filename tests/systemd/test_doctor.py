"""doctor of a service, from within its sandbox, and what the client says when it does not answer
(p2pchatd(8), When something is wrong)."""

import subprocess

import machine
import rig
import slow

TRACKER = "/run/p2pchat-tracker/control.sock"


class Doctor(slow.Test):
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

    def test_owners(self):
        """What is said of files of others mends it, followed to the letter."""
        m = self.machine().boot()
        key = "/var/lib/p2pchat/identity.key"
        m.run("systemctl", "start", "p2pchatd")
        m.run("cp", key, "/root/kept")
        m.run("rm", key)
        self.ends(m, 1, "bring back the file, or the credential p2pchat.identity if it was that",
                  "p2pchatctl", "doctor")
        m.run("sh", "-c", f"umask 077; cp /root/kept {key}")
        advice = f"chown p2pchat {key}"
        self.ends(m, 1, f"{key}: belongs to user root: '{advice}' gives it to us", "p2pchatctl",
                  "doctor")
        m.run("systemctl", "restart", "p2pchatd", check=False)
        self.assertIn(advice, m.run("journalctl", "-u", "p2pchatd").out)
        m.run(*advice.split())
        m.run("systemctl", "restart", "p2pchatd")
        self.ends(m, 0, "ok       permissions", "p2pchatctl", "doctor")

        m.run("useradd", "--user-group", "eve")
        m.run("chown", "--recursive", "eve:", "/var/lib/p2pchat")
        advice = "systemctl restart p2pchatd"
        done = self.ends(m, 1, "PROBLEM  permissions    /var/lib/p2pchat: the state directory "
                         f"belongs to another user: '{advice}' gives it back to p2pchat",
                         "p2pchatctl", "doctor")
        self.assertIn("ok       disk", done.out)
        m.run(*advice.split())
        self.ends(m, 0, "ok       permissions", "p2pchatctl", "doctor")

    def test_who_may_not(self):
        m = self.machine().boot()
        m.run("useradd", "--user-group", "eve")
        as_eve = ("setpriv", "--reuid=eve", "--regid=eve", "--clear-groups", "p2pchatctl", "doctor")
        self.ends(m, 3, "it is for the group p2pchat only; 'adduser YOU p2pchat' by root", *as_eve)
        m.run("usermod", "--append", "--groups=p2pchat", "eve")
        self.ends(m, 3, "you are in the group p2pchat, but were not yet when you logged in", *as_eve)
        self.ends(m, 0, "ok       socket", "setpriv", "--reuid=eve", "--regid=eve", "--init-groups",
                  "p2pchatctl", "doctor")

    def test_at_rest_and_hanging(self):
        m = self.machine().boot()
        self.ends(m, 3, "there is no such socket; 'systemctl start p2pchat-tracker.socket' starts "
                  "the service", "p2pchatctl", f"--socket={TRACKER}", "doctor")
        m.run("systemctl", "start", "p2pchatd")
        pid = m.main_pid("p2pchatd")
        m.run("systemctl", "kill", "--signal=SIGSTOP", "p2pchatd")
        self.ends(m, 3, f"process {pid} does not answer, because it is stopped; 'kill -CONT {pid}' "
                  "lets it go on; 'systemctl status p2pchatd' tells what it does", "p2pchatctl",
                  "doctor")
        m.run("systemctl", "kill", "--signal=SIGCONT", "p2pchatd")
        self.ends(m, 0, "ok       disk", "p2pchatctl", "doctor")
        m.run("rm", "/run/p2pchat/control.sock")
        self.ends(m, 3, "the service p2pchatd runs, but its socket is gone: 'systemctl restart "
                  "p2pchatd.socket' makes it again", "p2pchatctl", "status")
        m.run("systemctl", "restart", "p2pchatd.socket")
        self.ends(m, 0, "ok       disk", "p2pchatctl", "doctor")
        m.run("systemctl", "stop", "p2pchatd.socket", "p2pchatd.service")
        self.ends(m, 3, "nobody listens there any more; 'systemctl start p2pchatd.socket' starts "
                  "the service", "p2pchatctl", "doctor")

    def test_configuration_that_is_refused(self):
        """The first who asks has it started, in vain; then its socket is closed, too."""
        m = self.machine().boot()
        m.write("/etc/p2pchat/p2pchatd.conf", "[Node]\nNam=x\n")
        m.run("systemctl", "restart", "p2pchatd", check=False)
        for command in ("status", "doctor", "status"):
            self.ends(m, 3, "the service p2pchatd failed (exit status 78); 'systemctl status "
                      "p2pchatd' and 'journalctl -u p2pchatd -e' tell why, 'p2pchatd "
                      "--check-config' by root whether", "p2pchatctl", command)
        m.run("rm", "/etc/p2pchat/p2pchatd.conf")
        m.run("systemctl", "restart", "p2pchatd")
        self.ends(m, 0, "log", "p2pchatctl", "status")

    def other_on(self, m, port):
        """Another program has the port."""
        m.unit("other.socket", f"[Socket]\nListenStream={port}\nAccept=yes\n")
        m.unit("other@.service", "[Service]\nExecStart=/bin/true\n")
        m.run("systemctl", "start", "other.socket")

    def test_port_of_systemd(self):
        m = self.machine().boot()
        self.other_on(m, 443)
        m.run("systemctl", "enable", "p2pchatd-peer.socket")
        m.run("systemctl", "restart", "p2pchatd")
        self.ends(m, 1, "p2pchatd-peer.socket is enabled, but the daemon was started without its "
                  "port: 'systemctl status p2pchatd-peer.socket' tells why", "p2pchatctl", "doctor")
        as_carol = self.carol(m)  # whose own service has the same name
        m.write("/home/carol/.config/p2pchat/p2pchatd.conf", "[Node]\nListen=[::]:0\n")
        m.run("systemctl", "--user", "start", "p2pchatd.service", **as_carol)
        self.assertNotIn("peer.socket", m.run("p2pchatctl", "doctor", **as_carol).out)
        m.run("systemctl", "stop", "other.socket")
        self.open_port_anew(m)
        self.ends(m, 0, "ok       listening      [::]:443 accepts", "p2pchatctl", "doctor")

    def open_port_anew(self, m):
        """As it is advised to."""
        m.run("sh", "-c", "systemctl stop p2pchatd-peer.socket && systemctl restart p2pchatd")

    def test_port_of_systemd_that_is_changed(self):
        m = self.machine().boot()
        m.drop_in("p2pchatd-peer.socket", "[Socket]\nListenStream=\nListenStream=127.0.0.1:853\n")
        m.run("systemctl", "enable", "p2pchatd-peer.socket")
        self.open_port_anew(m)  # which is not open yet
        self.ends(m, 0, "ok       listening      127.0.0.1:853 accepts", "p2pchatctl", "doctor")
        m.drop_in("p2pchatd-peer.socket", "[Socket]\nListenStream=\nListenStream=127.0.0.1:854\n")
        m.run("systemctl", "restart", "p2pchatd")
        self.ends(m, 1, "then 'systemctl stop p2pchatd-peer.socket && systemctl restart p2pchatd'",
                  "p2pchatctl", "doctor")
        self.open_port_anew(m)
        self.ends(m, 0, "ok       listening      127.0.0.1:854 accepts", "p2pchatctl", "doctor")
        m.run("systemctl", "disable", "--now", "p2pchatd-peer.socket")
        m.run("systemctl", "restart", "p2pchatd")
        self.ends(m, 0, "ok       listening      [::]:28470 accepts", "p2pchatctl", "doctor")

    def test_disk_that_hangs(self):
        m = self.machine().boot()

        def says(what):
            return what in m.run("p2pchatctl", "doctor", check=False).out

        self.slow(m, m.main_pid("p2pchatd"), "fdatasync", slow.FOR_EVER_S)
        m.spawn("p2pchatctl", "watch", "--as=somebody", stdout=subprocess.DEVNULL)  # which is kept
        rig.wait_for(lambda: says("where /var/lib/p2pchat is, the disk has not answered for"),
                     "doctor to say so")
        self.swift_again(m)
        rig.wait_for(lambda: says("the log works"), "it to work again")

    def test_loop(self):
        """A port that is taken, and may be free some time."""
        m = self.machine().boot()
        m.run("systemctl", "stop", "p2pchatd")
        m.write("/etc/p2pchat/p2pchatd.conf", "[Node]\nListen=127.0.0.1:4000\n")
        self.other_on(m, "127.0.0.1:4000")
        self.ends(m, 3, "the service p2pchatd does not come up: it ended (exit status 69)",
                  "p2pchatctl", "--timeout=3600", "doctor")
        m.run("systemctl", "stop", "other.socket")
        self.ends(m, 0, "log", "p2pchatctl", "--timeout=3600", "status")

    def carol(self, m):
        """A user, with a systemd of her own; what she runs is run with this."""
        m.run("useradd", "--create-home", "--user-group", "carol")
        m.run("loginctl", "enable-linger", "carol")
        runtime = "XDG_RUNTIME_DIR=/run/user/" + m.run("id", "--user", "carol").out.strip()
        as_carol = {"user": "carol", "env": (runtime,), "check": False}
        m.run("mkdir", "-p", "/home/carol/.config/p2pchat", user="carol")
        rig.wait_for(lambda: m.run("systemctl", "--user", "start", "p2pchatd.socket",
                                   **as_carol).code == 0, "carol's systemd")
        return as_carol

    def test_of_a_user(self):
        m = self.machine().boot()
        as_carol = self.carol(m)
        m.write("/home/carol/.config/p2pchat/p2pchatd.conf", "[Nodes]\n")
        done = m.run("p2pchatctl", "status", **as_carol)
        self.assertEqual(done.code, 3, done)
        self.assertIn("the service p2pchatd failed (exit status 78); 'systemctl --user status "
                      "p2pchatd' and 'journalctl --user -u p2pchatd -e' tell why", done.err)
        # Nor is that of the machine taken for it when its socket is gone, also by who may.
        m.run("usermod", "--append", "--groups=p2pchat", "carol")
        rig.wait_for(lambda: m.run("systemctl", "--user", "is-failed", "p2pchatd.socket",
                                   **as_carol).code == 0, "systemd to give up")
        for command in ("status", "doctor"):
            again = m.run("p2pchatctl", command, **as_carol)
            self.assertEqual((again.code, again.err), (3, done.err.replace(
                ", and nothing was done", "")), again)
        m.write("/home/carol/.config/p2pchat/p2pchatd.conf", "[Node]\nListen=127.0.0.1:28480\n")
        m.run("systemctl", "--user", "restart", "p2pchatd", **as_carol)
        self.assertEqual(m.run("p2pchatctl", "status", **as_carol).code, 0)


if __name__ == "__main__":
    machine.main()
