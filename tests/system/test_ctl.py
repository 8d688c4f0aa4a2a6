"""p2pchatctl against a daemon that is not one: what goes over the wire, how it ends, and what a
hostile or broken daemon can do to it (nothing)."""

import grp
import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

import rig
from fake_daemon import Connection, FakeDaemon, answer, answering, error, event, line, saying
from rig import DEADLINE_S

CTL = rig.program("p2pchatctl")
ESCAPES = "\x1b[2J\x07\x9b\u202e\u200b\U000e0041"


def environment(**more):
    kept = {name: value for name, value in os.environ.items()
            if name in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")}
    return {**kept, "TZ": "UTC0", "LC_ALL": "C", **more}


def ctl(*args, daemon=None, stdin=None, env=None, **popen):
    """Runs it to its end: (status, standard output, standard error), as bytes and text."""
    where = [f"--socket={daemon.path}"] if daemon else []
    popen.setdefault("stdout", subprocess.PIPE)
    done = subprocess.run([CTL, *where, *args], input=stdin, stderr=subprocess.PIPE,
                          env=env or environment(), timeout=DEADLINE_S, check=False, **popen)
    return done.returncode, done.stdout, done.stderr.decode()


class Case(unittest.TestCase):
    def ends(self, status, *args, says="", prints=None, **how):
        """Runs it and holds its end against what is wanted; returns what it printed."""
        got, out, err = ctl(*args, **how)
        self.assertEqual((got, says in err), (status, True), f"{args}: {got} {out!r} {err!r}")
        self.assertEqual(err != "", status not in (0, -signal.SIGPIPE), err)
        if err:
            self.assertTrue(err.startswith("p2pchatctl: ") and err.count("\n") == 1, err)
        if prints is not None:
            self.assertEqual(out, prints)
        return out


class Wire(Case):
    """Every command, as the daemon sees it."""

    COMMANDS = [
        ("whoami", "identity", {}),
        ("status", "status", {}),
        ("metrics", "metrics", {}),
        ("doctor", "doctor", {}),
        ("reload", "reload", {}),
        ("doctor alice", "doctor", {"peer": "alice"}),
        ("shutdown", "shutdown", {}),
        ("chat request example.org 28470", "chat.request", {"to": "example.org:28470"}),
        ("chat request ::1 28470", "chat.request", {"to": "[::1]:28470"}),
        ("chat request alice --greeting hello", "chat.request",
         {"to": "alice", "greeting": "hello"}),
        ("chat request alice --wait=5", "chat.request",
         {"to": "alice", "wait": True, "wait_s": 5}),
        ("chat requests", "chat.requests", {}),
        ("chat accept r1 --as=al", "chat.accept", {"request": "r1", "as": "al"}),
        ("chat refuse alice", "chat.refuse", {"request": "alice"}),
        ("chat message alice hi there", "chat.message", {"peer": "alice", "text": "hi there"}),
        ("chat message alice hi --wait --key k1", "chat.message",
         {"peer": "alice", "text": "hi", "wait": True, "key": "k1"}),
        ("chat message alice -- --hi", "chat.message", {"peer": "alice", "text": "--hi"}),
        ("connected", "chat.connected", {}),
        ("list connected peer", "chat.connected", {}),
        ("disconnect alice", "chat.disconnect", {"peer": "alice"}),
        ("block alice", "contact.block", {"peer": "alice"}),
        ("unblock alice", "contact.unblock", {"peer": "alice"}),
        ("contact list", "contact.list", {}),
        ("contact rename alice bob", "contact.rename", {"peer": "alice", "alias": "bob"}),
        ("contact verify alice", "contact.verify", {"peer": "alice"}),
        ("contact remove alice", "contact.remove", {"peer": "alice"}),
        ("history", "history", {}),
        ("history alice --before 9 --limit=3", "history",
         {"peer": "alice", "before": 9, "limit": 3}),
        ("history --search=deploy*", "history", {"search": "deploy*"}),
        ("register", "register", {}),
        ("register alice --tracker=example.org:28471", "register",
         {"name": "alice", "tracker": "example.org:28471"}),
        ("exit network", "exit_network", {}),
        ("exit network --tracker=example.org:28471", "exit_network",
         {"tracker": "example.org:28471"}),
        ("consumer list", "events.consumers", {}),
        ("consumer forget bot", "events.forget", {"consumer": "bot"}),
        ("call status", "status", {}),
        ('call no.such {"a":[1,null]}', "no.such", {"a": [1, None]}),
    ]

    def one(self, words, method, params):
        lines = []

        def serve(connection):
            lines.append(connection.read_line())
            connection.send(answer(json.loads(lines[0]), {"done": [1, "ä"]}))
            lines.append(connection.read_rest())

        with FakeDaemon(serve) as daemon:
            self.ends(0, "--json", *words.split(), daemon=daemon,
                      prints='{"done":[1,"ä"]}\n'.encode())
        self.assertEqual(lines[1], b"")
        request = json.loads(lines[0])
        self.assertIsInstance(request.pop("id"), int)
        self.assertEqual(request, {"jsonrpc": "2.0", "method": method, "params": params})

    def test_commands(self):
        """each command is one request, and --json prints its result"""
        for command in self.COMMANDS:
            with self.subTest(command[0]):
                self.one(*command)

    def test_odd_text_survives(self):
        """a text reaches the daemon as it was given"""
        text = 'quote " backslash \\ newline\n tab\t \u202e \U0001f600 end'
        got = []

        def serve(connection):
            got.append(connection.read_request())
            connection.send(answer(got[0], {}))

        with FakeDaemon(serve) as daemon:
            self.ends(0, "chat", "message", "alice", text, daemon=daemon)
        self.assertEqual(got[0]["params"]["text"], text)


class StandardInput(Case):
    def sends(self, stdin, text):
        got = []

        def serve(connection):
            got.append(connection.read_request())
            connection.send(answer(got[0], {}))

        with FakeDaemon(serve) as daemon:
            self.ends(0, "chat", "message", "alice", "-", daemon=daemon, stdin=stdin)
        self.assertEqual(got[0]["params"]["text"], text)

    def test_one_newline_is_removed(self):
        """chat message PEER - takes standard input without its final newline"""
        self.sends(b"one\ntwo\n", "one\ntwo")
        self.sends(b"one\n\n", "one\n")
        self.sends(b"no end", "no end")

    def test_greatest_size(self):
        """64 KiB fit, with and without a newline behind them"""
        self.sends(b"x" * 65536, "x" * 65536)
        self.sends("ä".encode() * 32768 + b"\n", "ä" * 32768)

    def test_refused(self):
        """what cannot be a message is refused before the daemon is asked"""
        for stdin, says in ((b"x" * 65537, "more than 65536 bytes (too_long)"),
                            (b"x" * 5_000_000, "more than 65536 bytes (too_long)"),
                            (b"a\0b", "a NUL (bad_text)"),
                            (b"\xff", "UTF-8"), (b"\x1b", "(bad_text)"),
                            (b"", "empty"), (b"\n", "empty")):
            with self.subTest(says=says, size=len(stdin)):
                self.ends(1, "--socket=/nonexistent", "chat", "message", "alice", "-",
                          stdin=stdin, says=says, prints=b"")


class ExitStatus(Case):
    def test_refused_by_the_daemon(self):
        """1, and the daemon's message with its name"""
        def serve(connection):
            connection.send(error(connection.read_request(), -32001, "no such peer: zed",
                                  "no_such_peer"))

        with FakeDaemon(serve) as daemon:
            for args in (["disconnect", "zed"], ["--json", "disconnect", "zed"]):
                self.ends(1, *args, daemon=daemon, prints=b"",
                          says="p2pchatctl: no such peer: zed (no_such_peer)\n")

    def test_usage(self):
        """2, without a daemon"""
        for args, says in (([], "which command?"), (["statsu"], "did you mean 'status'?"),
                           (["chat"], "'chat message'"), (["status", "x"], "does not take 'x'"),
                           (["history", "--limit=0"], "from 1 to 1000"),
                           (["--frobnicate"], "unknown option"),
                           (["help", "nonsense"], "unknown command"),
                           (["--socket=/" + "x" * 107, "status"], "107 bytes")):
            with self.subTest(args):
                self.ends(2, *args, says=says, prints=b"")

    def test_no_daemon(self):
        """3, and which path was tried, and how to start one"""
        with tempfile.TemporaryDirectory() as directory:
            stale, plain = f"{directory}/stale", f"{directory}/plain"
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(stale)
            listener.close()
            open(plain, "wb").close()
            for path, says in ((f"{directory}/none", "there is no such socket"),
                               (stale, "nobody listens there any more"),
                               (plain, "no socket, but a file of another kind"),
                               (directory, "no socket, but a directory")):
                self.ends(3, f"--socket={path}", "status", says=says)
                self.ends(3, f"--socket={path}", "watch", says="start one with 'p2pchatd'")
                self.ends(3, f"--socket={path}", "status", says=path)

    def test_no_daemon_that_is_for_us(self):
        """3, and whom the socket is for"""
        if os.geteuid() != 0:
            self.skipTest("only root can be refused as somebody else")
        nobody = ["setpriv", "--reuid=65534", "--regid=65533", "--clear-groups"]
        with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as listener:
            path = f"{directory}/s"
            # The program may lie where nobody else comes: so it is open before.
            with open(CTL, "rb") as program:
                def says(what):
                    done = subprocess.run([*nobody, f"/proc/self/fd/{program.fileno()}",
                                           f"--socket={path}", "doctor"],
                                          stderr=subprocess.PIPE, env=environment(),
                                          pass_fds=[program.fileno()], timeout=DEADLINE_S,
                                          check=False)
                    self.assertEqual(done.returncode, 3, done.stderr)
                    self.assertIn(what, done.stderr.decode())

                os.chmod(directory, 0o755)
                listener.bind(path)
                listener.listen()
                os.chmod(path, 0o600)
                says("it is for the user root only")
                os.chmod(path, 0o660)
                group = grp.getgrgid(os.stat(path).st_gid).gr_name
                says(f"it is for the group {group} only; 'adduser YOU {group}' by root lets you in")
                os.chown(path, 0, 65534)  # as of what a name space of users does not have
                says("it is for a group that is not known where this runs; a service is in it with "
                     "SupplementaryGroups=")
                os.chmod(directory, 0o700)
                says("a directory on the way to it is closed to you")

    def test_doctor(self):
        """1 when something is wrong; 3, and why, when the daemon does not answer"""
        def checks(*verdicts):
            return {"checks": [{"name": "disk", "ok": ok, "message": "m"} for ok in verdicts]}

        with FakeDaemon(answering(checks(True, True))) as daemon:
            self.ends(0, "doctor", daemon=daemon, prints=b"ok       disk           m\n" * 2)
        with FakeDaemon(answering(checks(True, False))) as daemon:
            self.ends(1, "doctor", daemon=daemon, says="1 of 2 checks found a problem")
            out = self.ends(1, "--json", "doctor", daemon=daemon, says="1 of 2 checks")
            self.assertEqual(json.loads(out), checks(True, False))
        with FakeDaemon(lambda connection: connection.read_rest()) as daemon:
            self.ends(3, "--timeout=0.2", "doctor", daemon=daemon,
                      says=f"process {os.getpid()} does not answer in time")

    def test_doctor_of_a_daemon_that_is_stopped(self):
        with tempfile.TemporaryDirectory() as directory:
            path = f"{directory}/s"
            script = ("import os, signal, socket; s = socket.socket(socket.AF_UNIX); "
                      f"s.bind({path!r}); s.listen(); os.kill(os.getpid(), signal.SIGSTOP)")
            with subprocess.Popen([sys.executable, "-c", script]) as process:
                os.waitid(os.P_PID, process.pid, os.WSTOPPED)
                self.ends(3, f"--socket={path}", "--timeout=0.2", "doctor",
                          says=f"it is stopped; 'kill -CONT {process.pid}' lets it go on")
                process.kill()

    def test_timeout(self):
        """4 when the daemon does not answer"""
        with FakeDaemon(lambda connection: connection.read_rest()) as daemon:
            for args in (["status"], ["watch"], ["register"], ["listpeer"],
                         ["chat", "request", "127.0.0.1", "9"],
                         ["call", "chat.request", '{"to":"a"}']):
                self.ends(4, "--timeout=0.2", *args, daemon=daemon,
                          says="p2pchatctl: no answer in time ('p2pchatctl doctor' tells why)\n")
            for args in (["chat", "message", "alice", "hi"], ["call", "chat.message", "{}"]):
                self.ends(4, "--timeout=0.2", *args, daemon=daemon,
                          says="tells why); what was queued stays queued\n")

    def test_timeout_of_a_stuck_daemon(self):
        """4 when the daemon does not even take connections"""
        with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as listener:
            path = f"{directory}/s"
            listener.bind(path)
            listener.listen(0)
            waiting = []
            while not waiting or waiting[-1].connect_ex(path) == 0:
                waiting.append(socket.socket(socket.AF_UNIX))
                waiting[-1].setblocking(False)
            self.ends(4, f"--socket={path}", "--timeout=0.2", "status", says="stuck")
            self.ends(3, f"--socket={path}", "--timeout=0.2", "doctor",
                      says="what listens there does not answer in time")
            for each in waiting:
                each.close()

    def test_timeout_does_not_bound_waiting(self):
        """--wait waits longer than --timeout"""
        def serve(connection):
            request = connection.read_request()
            threading.Event().wait(0.5)
            connection.send(answer(request, {"state": "delivered"}))

        with FakeDaemon(serve) as daemon:
            self.ends(0, "--timeout=0.1", "chat", "message", "a", "b", "--wait", daemon=daemon)
            self.ends(0, "--timeout=0.1", "call", "chat.message", '{"wait":true}', daemon=daemon)

    def test_wait_ran_out(self):
        """4 when --wait ran out, and the result is still printed"""
        queued = {"seq": 12, "peer": "alice", "state": "queued", "timed_out": True}
        with FakeDaemon(answering(queued)) as daemon:
            out = self.ends(4, "--json", "chat", "message", "alice", "hi", "--wait=1",
                            daemon=daemon, says="the message stays queued")
            self.assertEqual(json.loads(out), queued)
            self.ends(4, "chat", "message", "alice", "hi", "--wait=1", daemon=daemon,
                      says="the message stays queued", prints=b"queued for alice, as 12\n")
            self.ends(0, "chat", "message", "alice", "hi", daemon=daemon)
        with FakeDaemon(answering({**queued, "stopping": True})) as daemon:
            self.ends(4, "chat", "message", "alice", "hi", "--wait", daemon=daemon,
                      says="p2pchatctl: the daemon is stopping; the message stays queued\n")
        with FakeDaemon(answering({"state": "sent", "request": "r1"})) as daemon:
            self.ends(4, "chat", "request", "alice", "--wait=1", daemon=daemon,
                      says="the request stays queued")
            self.ends(0, "chat", "request", "alice", daemon=daemon)

    def test_message_that_failed(self):
        """1 when the chat was ended before delivery, waited for or not, and the result is printed"""
        failed = {"seq": 12, "peer": "alice", "state": "failed"}
        says = "this message failed: the chat was ended before it was delivered"
        with FakeDaemon(answering(failed)) as daemon:
            for more in (["--wait"], ["--wait=5", "--key=k"], ["--key=k"]):
                out = self.ends(1, "--json", "chat", "message", "alice", "hi", *more,
                                daemon=daemon, says=says)
                self.assertEqual(json.loads(out), failed)
                self.ends(1, "chat", "message", "alice", "hi", *more, daemon=daemon, says=says,
                          prints=b"failed to alice, as 12\n")
            self.ends(1, "call", "chat.message", '{"peer":"alice","text":"hi"}', daemon=daemon,
                      says=says)

    def test_refused_by_the_other_side(self):
        """5 when the other side refused, and the result is still printed"""
        with FakeDaemon(answering({"state": "refused", "alias": "alice"})) as daemon:
            self.ends(5, "--json", "chat", "request", "alice", "--wait", daemon=daemon,
                      says="refused", prints=b'{"state":"refused","alias":"alice"}\n')
            self.ends(5, "call", "chat.request", '{"to":"alice"}', daemon=daemon, says="refused")

        def serve(connection):
            connection.send(error(connection.read_request(), -32007, "alice refused", "refused"))

        with FakeDaemon(serve) as daemon:
            self.ends(5, "chat", "request", "alice", "--wait", daemon=daemon,
                      says="alice refused (refused)", prints=b"")


class Hostile(Case):
    """What a broken or hostile daemon says ends the client with 1 and one harmless line."""

    def test_nonsense(self):
        """what is no answer is 1, and the line says that something is broken"""
        ok = {"jsonrpc": "2.0", "id": 1}
        for what, said in (
                ("garbage", b"hello\n"), ("an empty line", b"\n"), ("not UTF-8", b'{"a":"\xff"}\n'),
                ("an array", line([{**ok, "result": {}}])),
                ("another version", line({"jsonrpc": "1.0", "id": 1, "result": {}})),
                ("neither result nor error", line(ok)),
                ("both", line({**ok, "result": {}, "error": {"code": 1, "message": ""}})),
                ("a result that is no object", line({**ok, "result": [1]})),
                ("an error that is no object", line({**ok, "error": "no"})),
                ("a name twice", b'{"jsonrpc":"2.0","id":1,"result":{"a":1,"a":2}}\n'),
                ("too deep", line({**ok, "result": {"a": json.loads("[" * 20 + "]" * 20)}})),
                ("a line without end", b"x" * 3_000_000),
                ("a whole line that is too long", line({**ok, "result": {"a": "x" * 1_100_000}}))):
            with self.subTest(what), FakeDaemon(saying(said)) as daemon:
                self.ends(1, "status", daemon=daemon, says="broken", prints=b"")
                self.ends(1, "watch", daemon=daemon, says="broken", prints=b"")

    def test_lost(self):
        """a connection that ends before the answer is 1"""
        for said in (b"", b'{"jsonrpc":"2.0","id":1,"res', answer({"id": 1}, {})[:-1],
                     answer({"id": 77}, {})):
            with self.subTest(said=said), FakeDaemon(saying(said)) as daemon:
                self.ends(1, "status", daemon=daemon, says="closed the connection", prints=b"")

    def test_refused_at_the_door(self):
        """a daemon that closes without reading may have said why"""
        full = line({"jsonrpc": "2.0", "id": None, "error": {
            "code": -32016, "message": "too many clients", "data": {"name": "limit_exceeded"}}})
        with FakeDaemon(lambda connection: connection.send(full)) as daemon:
            status, out, err = ctl("status", daemon=daemon)
        self.assertEqual((status, out), (1, b""))
        self.assertIn("limit_exceeded", err)

    def test_pieces(self):
        """an answer may come byte by byte, behind what is none"""
        def serve(connection):
            request = connection.read_request()
            said = (line({"jsonrpc": "2.0", "method": "news", "params": [1]})
                    + event({"seq": 1}) + answer({"id": 99}, {"no": 1})
                    + answer(request, {"yes": 1}))
            for byte in said:
                connection.send(bytes([byte]))

        with FakeDaemon(serve) as daemon:
            self.ends(0, "--json", "status", daemon=daemon, prints=b'{"yes":1}\n')

    def assert_harmless(self, out):
        text = out.decode()
        for char in text:
            self.assertTrue(char == "\n" or (char.isprintable()), repr(text))

    def test_escape_sequences(self):
        """nothing that others wrote reaches a terminal or a program raw"""
        alice = {"peer": "alice" + ESCAPES, "alias": "alice" + ESCAPES, "peer_id": ESCAPES,
                 "name": ESCAPES, "address": ESCAPES, "text": "one\n" + ESCAPES,
                 "greeting": ESCAPES, "time": ESCAPES, "request": ESCAPES, "state": ESCAPES,
                 "direction": "in", "safety_number": ESCAPES, "source": ESCAPES, "via": ESCAPES,
                 "last_seen": ESCAPES, "consent": ESCAPES, "seq": 1}
        result = {**alice, "messages": [alice], "peers": [alice], "requests": [alice],
                  "contacts": [alice], "listen": [ESCAPES], "trackers": [alice],
                  "log": alice, "next": ESCAPES, "version": ESCAPES, ESCAPES: ESCAPES}
        with FakeDaemon(answering(result)) as daemon:
            for words, _, _ in Wire.COMMANDS:
                for form in ([], ["--json"]):
                    with self.subTest(words, form=form):
                        _, out, err = ctl(*form, *words.split(), daemon=daemon)
                        self.assert_harmless(out)
                        self.assert_harmless(err.encode())
                        self.assertTrue(out)

    def test_escape_sequences_in_errors(self):
        """nor does what the daemon says of its refusals"""
        def serve(connection):
            connection.send(error(connection.read_request(), -1, "no" + ESCAPES, "x" + ESCAPES))

        with FakeDaemon(serve) as daemon:
            self.ends(1, "status", daemon=daemon,
                      says="no<U+001B>[2J<U+0007><U+009B><U+202E><U+200B><U+E0041>")

    def test_error_without_a_name(self):
        """an error that has no name is shown with its code"""
        said = line({"jsonrpc": "2.0", "id": 1, "error": {"code": -5, "message": "odd"}})
        with FakeDaemon(saying(said)) as daemon:
            self.ends(1, "status", daemon=daemon, says="odd (error -5)")


class Again(Case):
    """A daemon that goes away, as one that is restarted."""

    COMMANDS = ("status", "doctor", "chat message alice hi", "chat message alice hi --wait",
                "history", "history --search=x", "contact list", "listpeer", "whoami")

    @staticmethod
    def serve(connection):
        request = connection.read_request()
        assert request["id"] == 1, request
        connection.send(answer(request, {"checks": [], "peers": [], "unanswered": [],
                                         "messages": [], "contacts": [], "state": "delivered"}))
        while rest := connection.read_line():
            connection.send(answer(json.loads(rest), {"messages": []}))

    @staticmethod
    def leave(connection):
        """Without reading it, or not all of it."""
        select.select([connection.sock], [], [], DEADLINE_S)

    @staticmethod
    def leave_midway(connection):
        connection.sock.recv(5)

    def test_what_was_not_read(self):
        """it is asked again"""
        for words in self.COMMANDS:
            with FakeDaemon(self.leave, self.leave_midway, self.leave, self.serve) as daemon:
                self.ends(0, *words.split(), daemon=daemon)
                self.assertEqual(len(daemon.clients), 4, words)

    def test_what_was_read(self):
        """it may have been done, and is asked once"""
        for words in self.COMMANDS:
            with FakeDaemon(Connection.read_request) as daemon:
                self.ends(1, *words.split(), daemon=daemon, says="may be done")
                self.assertEqual(len(daemon.clients), 1, words)

    def test_to_no_end(self):
        """some times, and not beyond --timeout"""
        with FakeDaemon(self.leave) as daemon:
            self.ends(3, "status", daemon=daemon, says="and nothing was done: ")
            self.assertEqual(len(daemon.clients), 6)
        with FakeDaemon(self.leave) as daemon:
            self.assertIn(ctl("--timeout=1", "status", daemon=daemon)[0], (3, 4))
            self.assertLess(len(daemon.clients), 6)

    def test_nobody_comes(self):
        def leave_for_good(connection):
            self.leave(connection)
            daemon.stop()
            os.unlink(daemon.path)

        with FakeDaemon(leave_for_good) as daemon:
            self.ends(3, "status", daemon=daemon, says="there is no such socket")


class Output(Case):
    def test_no_standard_output(self):
        """with standard output closed nothing printed goes to the daemon instead"""
        got = []

        def serve(connection):
            connection.send(answer(connection.read_request(), {"a": 1}))
            got.append(connection.read_rest())

        with FakeDaemon(serve) as daemon:
            done = subprocess.run(
                ["/bin/sh", "-c", f'exec "{CTL}" --socket="{daemon.path}" --json status <&- >&-'],
                stderr=subprocess.PIPE, env=environment(), timeout=DEADLINE_S, check=False)
        self.assertEqual((done.returncode, got), (1, [b""]))
        self.assertIn(b"cannot write standard output", done.stderr)

    def test_full_disk(self):
        """1 when standard output cannot be written"""
        with FakeDaemon(answering({})) as daemon, open("/dev/full", "wb") as full:
            self.ends(1, "status", daemon=daemon, stdout=full, says="No space left")
            self.ends(1, "help", stdout=full, says="No space left")

    def test_unread(self):
        """nobody reads: it ends as SIGPIPE ends it, also where that is ignored, without a word"""
        for ignored in (False, True):
            read, write = os.pipe()
            os.close(read)
            action = signal.SIG_IGN if ignored else signal.SIG_DFL
            with FakeDaemon(answering({})) as daemon, os.fdopen(write, "wb") as pipe:
                self.ends(-signal.SIGPIPE, "status", daemon=daemon, stdout=pipe,
                          preexec_fn=lambda: signal.signal(signal.SIGPIPE, action),
                          restore_signals=False)

    def on_terminal(self, *args, **more):
        said = {"requests": [{"request": "r1", "direction": "in", "alias": "alice"}]}
        master, slave = pty.openpty()
        with FakeDaemon(answering(said)) as daemon:
            status, _, err = ctl(*args, "chat", "requests", daemon=daemon, stdout=slave,
                                 env=environment(**more))
        os.close(slave)
        self.assertEqual((status, err), (0, ""))
        out = os.read(master, 65536)
        os.close(master)
        return out

    def test_colour(self):
        """only on a terminal, and not when the user does not want it"""
        self.assertIn(b"\x1b[1mREQUEST\x1b[0m", self.on_terminal(TERM="xterm"))
        for plain in ({"TERM": "xterm", "NO_COLOR": "1"}, {"TERM": "dumb"}, {}):
            self.assertNotIn(b"\x1b", self.on_terminal(**plain))
        self.assertIn(b"\x1b", self.on_terminal(TERM="xterm", NO_COLOR=""))
        self.assertNotIn(b"\x1b", self.on_terminal("--json", TERM="xterm"))

    def test_help_and_version(self):
        """--help, help and --version answer without a daemon"""
        self.assertIn(b"chat message PEER", self.ends(0, "--help"))
        self.assertIn(b"--key=KEY", self.ends(0, "chat", "message", "--help"))
        self.assertIn(b"--key=KEY", self.ends(0, "help", "chat", "message"))
        self.assertRegex(self.ends(0, "help", "consumer"),
                         rb"^Usage: p2pchatctl .*\n\n  consumer list  .*\n  consumer forget NAME  .*\n$")
        self.assertRegex(self.ends(0, "--version"), rb"^p2pchatctl \d+\.\d+\.\d+\n$")


class Search(Case):
    """Where the daemon is looked for."""

    def test_order(self):
        """--socket, then $P2PCHAT_SOCKET, then $XDG_RUNTIME_DIR"""
        with FakeDaemon(answering({"from": "option"})) as option, \
                FakeDaemon(answering({"from": "environment"})) as variable, \
                FakeDaemon(answering({"from": "runtime"})) as runtime:
            os.mkdir(f"{runtime.directory}/p2pchat")
            os.symlink(runtime.path, f"{runtime.directory}/p2pchat/control.sock")
            env = environment(P2PCHAT_SOCKET=variable.path, XDG_RUNTIME_DIR=runtime.directory)
            self.ends(0, "--json", "status", daemon=option, env=env, prints=b'{"from":"option"}\n')
            self.ends(0, "--json", "status", env=env, prints=b'{"from":"environment"}\n')
            env["P2PCHAT_SOCKET"] = ""
            self.ends(0, "--json", "status", env=env, prints=b'{"from":"runtime"}\n')

    def test_system_socket_is_last(self):
        """the system's socket, where the user has none"""
        with tempfile.TemporaryDirectory() as empty:
            if not os.path.exists("/run/p2pchat/control.sock"):
                self.ends(3, "status", env=environment(XDG_RUNTIME_DIR=empty),
                          says="/run/p2pchat/control.sock")


if __name__ == "__main__":
    rig.main()
