"""p2pchatctl watch --exec: which command runs, what it is given, and what its end means."""

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile

import rig
from fake_daemon import FakeDaemon
from rig import DEADLINE_S
from test_ctl import CTL, Case, environment
from test_ctl_follow import AWAY, BACK, Session
from test_ctl_watch import received

PRINT_ARGUMENTS = "import json, sys; print(json.dumps(sys.argv[1:]), flush=True)"
PRINT_GIVEN = ("import json, os, sys; print(json.dumps([sys.stdin.read(), {name: value for name, "
               "value in os.environ.items() if name.startswith('P2PCHAT_')}]), flush=True)")


class Exec(Case):
    def setUp(self):
        self.top = tempfile.TemporaryDirectory(prefix="p2pchat-test-")
        self.addCleanup(self.top.cleanup)

    def start(self, daemon, *args, env=None, **popen):
        return subprocess.Popen([CTL, f"--socket={daemon.path}", "watch", *args],
                                env=env or environment(), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, **popen)

    def runs(self, status, *args, events, says="", **how):
        """Runs it over these events to its end; returns the lines that its commands printed."""
        with FakeDaemon(Session(0, *events, stays=True)) as daemon:
            process = self.start(daemon, *args, **how)
            out, err = process.communicate(timeout=DEADLINE_S)
        self.assertEqual((process.returncode, err.decode()), (status, says))
        return out.decode().splitlines()

    def given(self, *events, **how):
        """What a command finds on its standard input and in its environment, for each event."""
        lines = self.runs(0, f"--exec={sys.executable} -c", f"--count={len(events)}", "--",
                          PRINT_GIVEN, events=events, **how)
        return [json.loads(line) for line in lines]

    def test_each_in_turn(self):
        """one command for each event, one after the other, and nothing else is printed"""
        events = [received(seq, f"text {seq}") for seq in range(1, 30)]
        given = self.given(*events)
        self.assertEqual([json.loads(line) for line, _ in given], events)
        self.assertTrue(all(line.endswith("}\n") and line.count("\n") == 1 for line, _ in given))

    def test_variables(self):
        """a variable for each string, number and truth; none for what is missing or is no name"""
        odd = "line\nline\t'\"$(x) \u202e \U0001f600 \x1b[2J"
        first = {**received(7, odd), "number": 1.5, "truth": True, "none": None, "list": [1],
                 "object": {"a": 1}, "socket": "/evil", "Upper": "x", "a-b": "x", "": "x",
                 "long": "x" * 200_000}
        second = {"seq": None, "time": "2026-01-31T12:00:00.000Z", "type": "peer.online",
                  "peer": "alice", "peer_id": "abc", "via": "direct"}
        (line, one), (_, two) = self.given(first, second, env=environment(
            P2PCHAT_TEXT="of another event", P2PCHAT_VIA="stale", P2PCHAT_SOCKET="/nowhere"))
        self.assertEqual(json.loads(line), first)
        for given in (one, two):
            self.assertTrue(given.pop("P2PCHAT_SOCKET").endswith("/control.sock"))
        self.assertEqual(one, {
            "P2PCHAT_SEQ": "7", "P2PCHAT_TIME": "2026-01-31T12:00:00.000Z",
            "P2PCHAT_TYPE": "message.received", "P2PCHAT_PEER": "alice",
            "P2PCHAT_PEER_ID": "abc", "P2PCHAT_ID": "0-7", "P2PCHAT_TEXT": odd,
            "P2PCHAT_NUMBER": "1.5", "P2PCHAT_TRUTH": "true"})
        self.assertEqual(two, {
            "P2PCHAT_TIME": "2026-01-31T12:00:00.000Z", "P2PCHAT_TYPE": "peer.online",
            "P2PCHAT_PEER": "alice", "P2PCHAT_PEER_ID": "abc", "P2PCHAT_VIA": "direct"})

    def test_words(self):
        """the command is split as a shell splits it; operands are appended as they are"""
        for typed in ("", "a b", " a\tb\nc ", "'a b' \"c d\"", "a'b'\"c\"d", "'' \"\"", r"a\ b \'",
                      r'"a\"b\\c\d$x`y"', r"'a\b'", "*.c $HOME `x` $(x) a;b|c>d&", "#x", "~"):
            with self.subTest(typed):
                line, = self.runs(0, f"--exec={sys.executable} -c '{PRINT_ARGUMENTS}' {typed}",
                                  "--count=1", "--", "last word", "--exec=x",
                                  events=[received(1)])
                self.assertEqual(json.loads(line), shlex.split(typed) + ["last word", "--exec=x"])

    def test_wrong_command_lines(self):
        """what is no command is refused before anything is asked"""
        for args, says in ((["--exec="], "names no command"), (["--exec=  "], "names no command"),
                           (["--exec=a 'b"], "quote is not closed"),
                           (["--exec=a \\"], "last backslash"),
                           (["operand"], "does not take 'operand' without --exec")):
            with self.subTest(args):
                self.ends(2, "watch", *args, says=says)

    def test_input_that_is_not_read(self):
        """a command need not read its event, however long that is"""
        events = [received(seq, "x" * 65536) for seq in range(1, 6)]
        self.assertEqual(self.runs(0, "--exec=echo", "--count=5", "--", "done", events=events),
                         ["done"] * 5)

    def test_input_closed(self):
        """standard input reaches the command also when our own is closed"""
        with FakeDaemon(Session(0, received(1), stays=True)) as daemon:
            done = subprocess.run(["/bin/sh", "-c", f'exec "{CTL}" --socket="{daemon.path}" watch '
                                   '--exec=cat --count=1 <&-'], env=environment(),
                                  capture_output=True, timeout=DEADLINE_S, check=False)
        self.assertEqual((done.returncode, json.loads(done.stdout)), (0, received(1)))

    def test_failure(self):
        """the first command that fails is the last one, and it is said which"""
        events = [received(1), received(2), received(3)]
        for script, end in (("exit 3", "ended with status 3"), ("kill -KILL $$", "was killed by SIGKILL"),
                            ("kill -TERM $$", "was killed by SIGTERM"),
                            ("kill -40 $$", "was killed by signal 40")):
            with self.subTest(script):
                lines = self.runs(
                    1, "--exec=sh -c", "--", f"echo $P2PCHAT_SEQ; test $P2PCHAT_SEQ = 1 || {script}",
                    events=events,
                    says=f"p2pchatctl: event 2 (message.received): the command {end}\n")
                self.assertEqual(lines, ["1", "2"])

    def test_command_not_found(self):
        """a command that cannot be run is said to be that"""
        for command, why in (("no-such-command", "No such file or directory"),
                             ("/etc", "Permission denied")):
            with self.subTest(command):
                self.runs(1, f"--exec={command}", events=[received(1)],
                          says=f"p2pchatctl: cannot run {command}: {why}\n")

    def test_goes_on(self):
        """it comes back behind the last event whose command has ended"""
        sessions = (Session(0, received(1), received(2)), Session(2, received(3), stays=True))
        with FakeDaemon(*sessions) as daemon:
            process = self.start(daemon, "--exec=sh -c", "--count=3", "--", "echo $P2PCHAT_SEQ")
            out, err = process.communicate(timeout=DEADLINE_S)
        self.assertEqual((process.returncode, out, err.decode()), (0, b"1\n2\n3\n", AWAY + BACK))
        self.assertEqual(sessions[1].params, {"since": 2})

    def test_signal_while_a_command_runs(self):
        """it ends when the command has, and runs no other one"""
        fifo = os.path.join(self.top.name, "fifo")
        os.mkfifo(fifo)
        for number in (signal.SIGINT, signal.SIGTERM):
            with FakeDaemon(Session(0, received(1), received(2), stays=True)) as daemon:
                process = self.start(daemon, "--exec=sh -c", "--",
                                     f"echo begun; read line <{fifo}; echo $line")
                self.assertEqual(process.stdout.readline(), b"begun\n")
                process.send_signal(number)
                with open(fifo, "w", encoding="ascii") as pipe:
                    pipe.write("ended\n")
                self.assertEqual(process.communicate(timeout=DEADLINE_S), (b"ended\n", b""))
                self.assertEqual(process.returncode, 0)

    def test_signal_for_both(self):
        """a terminal's ^C ends the command as well; that is no failure"""
        with FakeDaemon(Session(0, received(1), received(2), stays=True)) as daemon:
            process = self.start(daemon, "--exec=sh -c", "--", "echo begun; exec sleep 1000",
                                 start_new_session=True)
            self.assertEqual(process.stdout.readline(), b"begun\n")
            os.killpg(process.pid, signal.SIGINT)
            self.assertEqual(process.communicate(timeout=DEADLINE_S), (b"", b""))
            self.assertEqual(process.returncode, 0)

    def test_signals_of_the_command(self):
        """a command starts with the signals as they are by default, and with no descriptor of ours"""
        status = "grep SigBlk /proc/self/status; ls /proc/self/fd | wc -l; trap"
        with FakeDaemon(Session(0, received(1), stays=True)) as daemon:
            process = self.start(daemon, "--exec=sh -c", "--count=1", "--", status)
            out, _ = process.communicate(timeout=DEADLINE_S)
        plain = subprocess.run(["sh", "-c", status], stdin=subprocess.DEVNULL, capture_output=True,
                               timeout=DEADLINE_S, check=True)
        self.assertEqual(out, plain.stdout)


if __name__ == "__main__":
    rig.main()
