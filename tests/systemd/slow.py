"""Disks that rest, for services that run or start: strace delays what they ask the disk for."""

import subprocess

import machine
import rig

FOR_EVER_S = 3600

# The service waits for itself to be looked at before it begins. What it does for that, and what its
# parent is, is no part of its sandbox.
HELD = """[Service]
ExecStart=
ExecStart=/bin/sh -c 'kill -STOP $$$$; exec {program}'
SystemCallFilter=
"""


class Test(machine.Test):
    def slow(self, m, pid, calls, seconds):
        """From now on each of these calls of the process takes so long, until swift_again."""
        tracer = m.spawn("sh", "-c", 'echo $$ >/run/tracer; exec "$@"', "sh", "strace",
                         "--follow-forks", f"--attach={pid}", f"--trace={calls}",
                         f"--inject={calls}:delay_enter={int(seconds * 1e6)}",
                         "--output=/dev/null", stderr=subprocess.PIPE)
        self.addCleanup(tracer.stderr.close)
        self.addCleanup(tracer.wait)
        self.addCleanup(m.close)
        self.assertIn(b"attached", tracer.stderr.readline())

    @staticmethod
    def swift_again(m):
        """The calls that are under way come back, too."""
        m.run("kill", "-KILL", m.read("/run/tracer").strip())

    def hold(self, m, unit):
        """The next start of the service waits for let_go."""
        exec_start = m.show(unit, "ExecStart")
        program = exec_start.split("argv[]=")[1].split(" ;")[0]
        m.drop_in(unit, HELD.format(program=program), "held")

    def start_slowly(self, m, unit, calls, seconds):
        """Starts a service that is held, on a slow disk; returns what waits for it to be ready."""
        start = m.spawn("systemctl", "start", unit)
        pid = rig.wait_for(lambda: m.main_pid(unit), "a process")
        rig.wait_for(lambda: m.run("ps", "--no-headers", "-o", "stat", str(pid)).out[0] == "T",
                     "it to stop")
        self.slow(m, pid, calls, seconds)
        m.run("kill", "-CONT", str(pid))
        return start
