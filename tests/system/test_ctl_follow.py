"""p2pchatctl watch when its daemon goes away and comes back: it goes on where it was."""

import json
import os
import signal
import subprocess
import threading

import rig
from fake_daemon import FakeDaemon, answer, error, event
from rig import DEADLINE_S
from test_ctl import CTL, Case, environment
from test_ctl_watch import received

AWAY = "p2pchatctl: the daemon went away; waiting for it to come back\n"
BACK = "p2pchatctl: the daemon is back\n"


def another_log(start, known):
    return (f"p2pchatctl: the log has begun anew, or is an older copy: events after {start} follow, "
            f"instead of those after {known}\n")


class Session:
    """What a daemon does with one client: takes its subscription, tells it events, and goes away, or
    stays until the client has gone when it is the last one."""

    def __init__(self, start, *events, stays=False, then=b""):
        self.start, self.events, self.stays, self.then = start, events, stays, then
        self.params = None

    def __call__(self, connection):
        request = connection.read_request()
        self.params = request["params"]
        connection.send(answer(request, {"from": self.start}) +
                        b"".join(event(each) for each in self.events) + self.then)
        if self.stays:
            connection.read_rest()


def refusing(code, name):
    def serve(connection):
        connection.send(error(connection.read_request(), code, "not now", name))
    return serve


def silent(connection):
    """Takes a subscription and never answers."""
    connection.read_rest()


def closing(_connection):
    """Hears nothing."""


class Follow(Case):
    def start(self, daemon, *args, **popen):
        popen.setdefault("env", environment())
        return subprocess.Popen([CTL, f"--socket={daemon.path}", "--json", "watch", *args],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **popen)

    def runs(self, status, *args, daemon, says):
        """Runs to its end; returns the seqs that were printed."""
        process = self.start(daemon, *args)
        out, err = process.communicate(timeout=DEADLINE_S)
        self.assertEqual((process.returncode, err.decode()), (status, says))
        return [json.loads(line)["seq"] for line in out.splitlines()]

    def test_goes_on(self):
        """it asks for what follows the last event that it printed, with the same filters"""
        sessions = (Session(3, received(4), received(5), then=b'{"jsonrpc": "2.0", "meth'),
                    Session(5), Session(5, received(9)), Session(9, received(10), stays=True))
        with FakeDaemon(*sessions) as daemon:
            seqs = self.runs(0, "--peer=alice", "--type=message.received", "--count=4",
                             daemon=daemon, says=3 * (AWAY + BACK))
        self.assertEqual(seqs, [4, 5, 9, 10])
        filters = {"peer": "alice", "types": ["message.received"]}
        self.assertEqual([each.params for each in sessions],
                         [filters, {"since": 5, **filters}, {"since": 5, **filters},
                          {"since": 9, **filters}])

    def test_since_the_beginning(self):
        """before it has printed anything, it goes on where the subscription began"""
        sessions = (Session(7), Session(7, received(8), stays=True))
        with FakeDaemon(*sessions) as daemon:
            self.assertEqual(self.runs(0, "--count=1", daemon=daemon, says=AWAY + BACK), [8])
        self.assertEqual([each.params for each in sessions], [{}, {"since": 7}])

    def test_never_twice(self):
        """what was printed is not printed again, also if it is told again"""
        online = {"seq": None, "type": "peer.online"}
        sessions = (Session(0, received(1), online, received(2)),
                    Session(2, received(1), received(2), online, received(3), stays=True))
        with FakeDaemon(*sessions) as daemon:
            self.assertEqual(self.runs(0, "--count=5", daemon=daemon, says=AWAY + BACK),
                             [1, None, 2, None, 3])

    def test_gap(self):
        """behind a gap it goes on behind the gap"""
        gap = {"seq": None, "type": "gap", "peer": None, "peer_id": None, "from": 1, "to": 90}
        sessions = (Session(0, gap), Session(90, received(91), stays=True))
        with FakeDaemon(*sessions) as daemon:
            self.assertEqual(self.runs(0, "--since=0", "--count=2", daemon=daemon,
                                       says=AWAY + BACK), [None, 91])
        self.assertEqual(sessions[1].params, {"since": 90})

    def test_log_begun_anew(self):
        """of another log it prints what happens from now on, and says so"""
        sessions = (Session(40, received(41)), Session(6, received(7)),
                    Session(7, received(8), stays=True))
        with FakeDaemon(*sessions) as daemon:
            seqs = self.runs(0, "--count=3", daemon=daemon,
                             says=AWAY + another_log(6, 41) + BACK + AWAY + BACK)
        self.assertEqual(seqs, [41, 7, 8])
        self.assertEqual([each.params for each in sessions], [{}, {"since": 41}, {"since": 7}])

    def test_log_shorter_than_asked(self):
        """--since beyond the end is told of in the same words"""
        with FakeDaemon(Session(6, received(7), stays=True)) as daemon:
            self.assertEqual(self.runs(0, "--since=9", "--count=1", daemon=daemon,
                                       says=another_log(6, 9)), [7])

    def test_daemons_that_are_not_ready(self):
        """one that stops, hangs up, stays silent or cannot just now is asked again"""
        sessions = (Session(0, received(1)), refusing(-32020, "shutting_down"), closing, silent,
                    refusing(-32014, "storage_failed"), refusing(-32016, "limit_exceeded"),
                    Session(1, received(2), stays=True))
        with FakeDaemon(*sessions) as daemon:
            self.assertEqual(self.runs(0, "--count=2", "--timeout=3", daemon=daemon,
                                       says=AWAY + BACK), [1, 2])

    def test_refused_when_back(self):
        """another error ends it: the peer that it follows may be gone"""
        sessions = (Session(0, received(1)), refusing(-32001, "no_such_peer"))
        with FakeDaemon(*sessions) as daemon:
            self.assertEqual(self.runs(1, "--peer=alice", daemon=daemon,
                                       says=AWAY + "p2pchatctl: not now (no_such_peer)\n"), [1])

    def test_broken_when_back(self):
        """so does what is no daemon"""
        with FakeDaemon(Session(0, received(1)),
                        lambda connection: connection.send(b"hello\n")) as daemon:
            process = self.start(daemon)
            err = process.communicate(timeout=DEADLINE_S)[1]
        self.assertEqual(process.returncode, 1)
        self.assertIn(b"no daemon of p2pchat", err)

    def test_socket_that_is_gone(self):
        """a socket that nobody listens on, and one that is not there, are waited for"""
        go = threading.Event()

        def first(connection):
            Session(0, received(1))(connection)
            go.wait(DEADLINE_S)

        with FakeDaemon(first, Session(1, received(2)), Session(2, received(3), stays=True)) as daemon:
            process = self.start(daemon, "--count=3")
            self.assertEqual(json.loads(process.stdout.readline())["seq"], 1)
            daemon.stop()
            go.set()
            self.assertEqual(process.stderr.readline().decode(), AWAY)
            daemon.start()
            self.assertEqual(json.loads(process.stdout.readline())["seq"], 2)
            self.assertEqual(process.stderr.readline().decode(), BACK)
            daemon.stop()
            os.unlink(daemon.path)
            process.stderr.readline()
            daemon.start()
            out, err = process.communicate(timeout=DEADLINE_S)
        self.assertEqual((process.returncode, err.decode()), (0, BACK))
        self.assertEqual(json.loads(out)["seq"], 3)

    def test_no_reconnect(self):
        """with --no-reconnect it ends as soon as the daemon is gone"""
        with FakeDaemon(Session(0, received(1))) as daemon:
            self.assertEqual(self.runs(3, "--no-reconnect", daemon=daemon,
                                       says="p2pchatctl: the daemon went away\n"), [1])

    def test_never_there(self):
        """it waits for no daemon that it has not met"""
        with FakeDaemon(refusing(-32020, "shutting_down")) as daemon:
            self.assertEqual(self.runs(1, daemon=daemon,
                                       says="p2pchatctl: not now (shutting_down)\n"), [])
            daemon.stop()
            self.ends(3, "watch", daemon=daemon, says="no daemon answers")

    def test_signal_while_away(self):
        """a signal ends it well while it waits, and while it asks again"""
        for number in (signal.SIGINT, signal.SIGTERM):
            for again in (None, silent):
                with FakeDaemon(Session(0), *([again] if again else [])) as daemon:
                    if not again:
                        daemon.serve.append(closing)
                    process = self.start(daemon)
                    self.assertEqual(process.stderr.readline().decode(), AWAY)
                    process.send_signal(number)
                    self.assertEqual(process.communicate(timeout=DEADLINE_S), (b"", b""))
                    self.assertEqual(process.returncode, 0)


if __name__ == "__main__":
    rig.main()
