"""p2pchatctl: what it says of a service that does not answer, by what systemd says of it
(p2pchatctl(1), Exit status 3). systemctl is a script here; tests/systemd has the real one."""

import os
import signal
import socket
import subprocess
import sys

import rig

NODE, TRACKER = "/run/p2pchat/there-is-none", "/run/p2pchat-tracker/there-is-none"
SYSTEMCTL = """#!/bin/sh
echo "$*" >>"$0.asked"
[ -z "$SLEEP" ] || exec sleep "$SLEEP"
[ -n "$STATE" ] && printf "$STATE"
"""


def state(active, sub="", **more):
    """What `systemctl show` prints."""
    return "".join(f"{name}={value}\\n" for name, value in
                   {"LoadState": "loaded", "ActiveState": active, "SubState": sub, "MainPID": 0,
                    "ExecMainCode": 1, "ExecMainStatus": 0, "NRestarts": 0, "StatusText": "",
                    **more}.items())


class Service(rig.Test):
    def setUp(self):
        super().setUp()
        self.runtime = self.path("runtime")
        os.makedirs(f"{self.runtime}/p2pchat")
        self.own = f"{self.runtime}/p2pchat/control.sock"  # a user's service
        self.systemctl = self.write("systemctl", SYSTEMCTL)
        os.chmod(self.systemctl, 0o755)

    def says(self, systemd, *words, path=NODE, status=3, command="status", **environment):
        """What `command` says when systemd says that: each of the words."""
        socket_option = [f"--socket={path}"] if path else []
        done = subprocess.run(
            [rig.program("p2pchatctl"), *socket_option, *command.split()],
            env={**os.environ, "PATH": f"{self.top}:{os.environ['PATH']}", "STATE": systemd,
                 "XDG_RUNTIME_DIR": self.runtime, **environment},
            capture_output=True, text=True, timeout=rig.DEADLINE_S, check=False)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertTrue(done.stderr.startswith("p2pchatctl: ") and done.stderr.count("\n") == 1)
        for word in words:
            self.assertIn(word, done.stderr)
        return done.stderr

    def listener(self):
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(self.own)
        listener.listen()
        return listener


class Nobody(Service):
    def test_at_rest(self):
        for path, unit in ((NODE, "systemctl start p2pchatd.socket"),
                           (TRACKER, "systemctl start p2pchat-tracker.socket"),
                           (self.own, "systemctl --user start p2pchatd.socket")):
            self.says(state("inactive", "dead"), f"there is no such socket; '{unit}' starts the "
                      "service, or start one with 'p2pchatd'", path=path)
        with open(f"{self.systemctl}.asked", encoding="utf-8") as asked:
            self.assertEqual([(line.split()[0], line.split()[-1]) for line in asked],
                             [("--system", "p2pchatd.service"),
                              ("--system", "p2pchat-tracker.service"),
                              ("--user", "p2pchatd.service")])

    def test_no_unit(self):
        """There is nothing to start then."""
        missing = state("inactive", "dead", LoadState="not-found")
        self.assertNotIn("systemctl", self.says(missing, "no such socket; start one with"))
        self.assertNotIn("systemctl", self.says(missing, "start one with", path=self.path("none")))
        self.listener().close()
        self.says(missing, "the daemon ended without removing it", path=self.own)

    def test_configuration(self):
        failed = state("failed", "failed", ExecMainStatus=78)
        self.says(failed, "the service p2pchatd failed (exit status 78); 'systemctl status "
                  "p2pchatd' and 'journalctl -u p2pchatd -e' tell why, 'p2pchatd --check-config' "
                  "by root whether its configuration has mistakes; then 'systemctl restart p2pchatd'")
        self.says(failed, "'p2pchatd --role=tracker --check-config'", path=TRACKER)
        self.says(failed, "'systemctl --user status p2pchatd' and 'journalctl --user -u p2pchatd "
                  "-e' tell why, 'p2pchatd --check-config' whether its", path=self.own)
        for command in ("doctor", "watch", "history --export", "listpeer"):
            self.says(failed, "the service p2pchatd failed", command=command)

    def test_other_ends(self):
        self.says(state("failed", "failed", ExecMainCode=2, ExecMainStatus=9, NRestarts=4),
                  "failed (killed by signal 9), and was started again 4 times; 'systemctl status")
        self.says(state("inactive", "dead", LoadState="masked"), "the service p2pchatd is masked; "
                  "'systemctl unmask p2pchatd' lets it be started")
        self.says(state("failed", "failed", ExecMainCode=0), "p2pchatd failed; 'systemctl status")
        self.says(state("activating", "start", StatusText="Opening the log"),
                  "the service p2pchatd is starting (Opening the log); 'systemctl status p2pchatd'")
        self.says(state("deactivating", "stop-sigterm"), "the service p2pchatd is stopping; ")
        self.says(state("active", "running", MainPID=os.getpid()), "the service p2pchatd runs, but "
                  "its socket is gone: 'systemctl restart p2pchatd.socket' makes it again")

    def test_systemd_that_is_mute(self):
        """It is not waited for any longer than it is worth."""
        self.says("", "no such socket", SLEEP="3600")

    def test_what_others_say_is_harmless(self):
        self.says(state("activating", "start", StatusText="\\033[2J"), "starting (<U+001B>[2J)")


class OfUser(Service):
    """Whose node is spoken to where that of the user is not there."""

    def test_meant_to_be_there(self):
        for file, active in (("enabled", "failed"), ("disabled", "failed"), ("enabled", "inactive")):
            said = state(active, UnitFileState=file)
            for command in ("status", "doctor", "watch", "history"):
                self.says(said, f"no daemon answers on {self.own}: ", path=None, command=command,
                          P2PCHAT_SOCKET="")

    def test_not_wanted(self):
        """That of the machine, and where there was none of the user without asking systemd."""
        if os.path.exists("/run/p2pchat/control.sock"):
            return
        mine = "no daemon answers on /run/p2pchat/control.sock: "
        for said in (state("inactive", UnitFileState="disabled"), state("inactive"), ""):
            self.says(said, mine, path=None, P2PCHAT_SOCKET="")
        os.rmdir(f"{self.runtime}/p2pchat")
        self.says(state("failed", UnitFileState="enabled"), mine, path=None, P2PCHAT_SOCKET="")
        with open(f"{self.systemctl}.asked", encoding="utf-8") as asked:
            self.assertEqual([line.split()[0] for line in asked],
                             3 * ["--user", "--system"] + ["--system"])


class Silent(Service):
    """Somebody listens, but nobody answers: systemd, for a service that does not come up."""

    def test_nobody_reads(self):
        listener = self.listener()
        process = subprocess.Popen(
            [rig.program("p2pchatctl"), f"--socket={self.own}", "status"], stderr=subprocess.PIPE,
            env={**os.environ, "PATH": f"{self.top}:{os.environ['PATH']}",
                 "XDG_RUNTIME_DIR": self.runtime, "STATE": state("failed", ExecMainStatus=78)})
        with listener.accept()[0] as connection:
            connection.recv(1)  # not all of it
        _, err = process.communicate(timeout=rig.DEADLINE_S)
        self.assertEqual(process.returncode, 3)
        self.assertIn("and nothing was done: the service p2pchatd failed", err.decode())

    def test_loop(self):
        """Known long before the time is over."""
        self.listener()
        self.says(state("activating", "auto-restart", ExecMainStatus=69, NRestarts=7),
                  "the service p2pchatd does not come up: it ended (exit status 69), and was "
                  "started again 7 times; 'systemctl --user status p2pchatd' and", path=self.own,
                  command="--timeout=3600 doctor")

    def test_stopped(self):
        self.listener()
        with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"]) as process:
            running = state("active", "running", MainPID=process.pid)
            self.says(running, f"process {process.pid} does not answer in time: it hangs, or has "
                      "too much to do; 'systemctl --user status p2pchatd' tells what it does",
                      path=self.own, command="--timeout=1 doctor")
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
            self.says(running, f"it is stopped; 'kill -CONT {process.pid}' lets it go on",
                      path=self.own, command="--timeout=3600 doctor")
            process.kill()

    def test_one_that_is_no_service(self):
        """Started by hand where a service would be."""
        self.listener()
        self.says(state("inactive", "dead"), f"process {os.getpid()} does not answer in time: it "
                  "hangs, or has too much to do; look at its log", path=self.own,
                  command="--timeout=0.2 doctor")

    def test_start_that_takes_long(self):
        self.listener()
        self.says(state("activating", "start", MainPID=os.getpid()),
                  "the service p2pchatd is starting; ", path=self.own,
                  command="--timeout=0.2 doctor")


rig.main()
