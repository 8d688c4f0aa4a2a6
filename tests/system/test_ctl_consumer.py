"""p2pchatctl watch --as: what is acknowledged, when, and what it ends with when that cannot be."""

import array
import fcntl
import json
import os
import signal
import subprocess
import tempfile
import termios
import threading

import rig
from fake_daemon import FakeDaemon, answer, error, event
from rig import DEADLINE_S
from test_ctl import CTL, Case, environment
from test_ctl_follow import AWAY, BACK, Session, another_log
from test_ctl_watch import received


class Acks:
    """The connection of acknowledgements: answers them, the first ones as it is told (with names of
    errors, not before an event of the test, or both), and remembers them."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.seqs, self.answered, self.refused = [], [], []
        self.came = threading.Condition()

    def __call__(self, connection):
        while (line := connection.read_line()) is not None:
            request = json.loads(line)
            if request["method"] != "events.ack" or request["params"].keys() != {"consumer", "seq"}:
                raise AssertionError(line)
            with self.came:
                self.seqs.append(request["params"]["seq"])
                self.came.notify_all()
            say = self.answers.pop(0) if self.answers else None
            if say == "close":
                return
            if isinstance(say, threading.Event):
                say = (say, None)
            if isinstance(say, tuple):
                say[0].wait(DEADLINE_S)
                say = say[1]
            if isinstance(say, str):
                connection.send(error(request, -32000, "not now", say))
                connection.wait_until_read()
            else:
                connection.send(answer(request, request["params"]))
            with self.came:
                (self.refused if isinstance(say, str) else self.answered).append(
                    request["params"]["seq"])
                self.came.notify_all()

    def wait_for(self, seq, answered=False):
        """Until it came, or was answered."""
        self.wait_in(self.answered if answered else self.seqs, seq)

    def wait_until_refused(self, seq):
        """Until the client has read so."""
        self.wait_in(self.refused, seq)

    def wait_in(self, seqs, seq):
        with self.came:
            if not self.came.wait_for(lambda: seq in seqs, DEADLINE_S):
                raise AssertionError(f"{seq} is not acknowledged: {seqs}")


class Consumer(Case):
    def start(self, daemon, *args, **popen):
        popen.setdefault("stdout", subprocess.PIPE)
        return subprocess.Popen([CTL, f"--socket={daemon.path}", "--json", "watch", "--as=bot",
                                 *args], env=environment(), stderr=subprocess.PIPE, **popen)

    def finish(self, process, status, says=""):
        """Returns the seqs that were printed."""
        out, err = process.communicate(timeout=DEADLINE_S)
        self.assertEqual((process.returncode, err.decode()), (status, says))
        return [json.loads(line)["seq"] for line in out.splitlines()]

    def test_printed_is_acknowledged(self):
        """the last event is, before it ends, and each is sooner or later"""
        events, acks = Session(5, received(6), received(8), stays=True), Acks()
        with FakeDaemon(events, acks) as daemon:
            self.assertEqual(self.finish(self.start(daemon, "--count=2"), 0), [6, 8])
        self.assertEqual(events.params, {"consumer": "bot"})
        self.assertEqual(acks.seqs, [8])

    def test_while_it_goes_on(self):
        """what is printed is acknowledged without anything else happening"""
        acks = Acks()
        with FakeDaemon(Session(0, received(1), received(2), stays=True), acks) as daemon:
            process = self.start(daemon)
            acks.wait_for(2)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(self.finish(process, 0), [1, 2])
        self.assertEqual(acks.seqs, [2])

    def test_one_at_a_time(self):
        """the next acknowledgement waits for the answer to the one before, and is for the newest"""
        more, answered = threading.Event(), threading.Event()

        def events(connection):
            connection.send(answer(connection.read_request(), {"from": 0}) + event(received(1)))
            more.wait(DEADLINE_S)
            for seq in range(2, 1000):
                connection.send(event(received(seq)))
            connection.read_rest()

        acks = Acks(answered)
        with FakeDaemon(events, acks) as daemon:
            process = self.start(daemon)
            acks.wait_for(1)
            more.set()
            for _ in range(999):
                process.stdout.readline()
            self.assertEqual(acks.seqs, [1])
            answered.set()
            acks.wait_for(999)
            process.send_signal(signal.SIGINT)
            self.finish(process, 0)
        self.assertEqual(acks.seqs, [1, 999])

    def test_end_waits_for_the_answer(self):
        """it has not ended before the last acknowledgement is answered"""
        answered = threading.Event()
        acks = Acks(answered)
        with FakeDaemon(Session(0, received(1), stays=True), acks) as daemon:
            process = self.start(daemon, "--count=1")
            acks.wait_for(1)
            self.assertIsNone(process.poll())
            answered.set()
            self.assertEqual(self.finish(process, 0), [1])

    def test_end_without_an_answer(self):
        """without an answer it ends after --timeout, and says what comes again"""
        says = ("p2pchatctl: out of time: what was done after event 3 is not acknowledged, and comes "
                "again\n")
        for stop, status in ((False, 4), (True, 0)):
            never = threading.Event()
            acks = Acks(never)
            with FakeDaemon(Session(3, received(4), stays=True), acks) as daemon:
                process = self.start(daemon, "--timeout=3", *([] if stop else ["--count=1"]))
                acks.wait_for(4)
                if stop:
                    process.send_signal(signal.SIGTERM)
                self.assertEqual(self.finish(process, status, says), [4])
                never.set()

    def test_end_while_the_daemon_is_away(self):
        """a signal does not wait for a daemon that is away"""
        go, never = threading.Event(), threading.Event()
        acks = Acks(never)

        def events(connection):
            Session(0, received(1))(connection)
            go.wait(DEADLINE_S)

        with FakeDaemon(events, acks) as daemon:
            process = self.start(daemon)
            acks.wait_for(1)
            daemon.stop()
            go.set()
            self.assertEqual(process.stderr.readline().decode(), AWAY)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(self.finish(process, 0, "p2pchatctl: no daemon answers: what was done "
                                         "after event 0 is not acknowledged, and comes again\n"), [1])
            never.set()

    def test_count_waits_for_a_daemon(self):
        """--count is done when its last event is acknowledged, if need be by the daemon's successor"""
        acks = Acks("close"), Acks()
        with FakeDaemon(Session(0, received(1), stays=True), *acks) as daemon:
            self.assertEqual(self.finish(self.start(daemon, "--count=1"), 0), [1])
        self.assertEqual([each.seqs for each in acks], [[1], [1]])

    def test_comes_back_as_the_consumer(self):
        """what was printed but not acknowledged is not printed again, and acknowledged"""
        acks = Acks("shutting_down"), Acks()
        again = Session(0, received(1), received(2), received(3), stays=True)
        with FakeDaemon(Session(0, received(1), received(2)), acks[0], again, acks[1]) as daemon:
            self.assertEqual(self.finish(self.start(daemon, "--count=3"), 0, AWAY + BACK), [1, 2, 3])
        self.assertEqual(again.params, {"consumer": "bot"})
        self.assertEqual(acks[1].seqs[-1], 3)

    def test_log_begun_anew(self):
        """a place that went back is that of another log"""
        first, second = Acks(), Acks()

        def events(connection):
            connection.send(answer(connection.read_request(), {"from": 40}) + event(received(41)))
            first.wait_for(41, answered=True)

        with FakeDaemon(events, first, Session(6, received(7), stays=True), second) as daemon:
            process = self.start(daemon)
            second.wait_for(7)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(self.finish(process, 0, AWAY + another_log(6, 41) + BACK), [41, 7])
        self.assertEqual(second.seqs, [7])

    def test_errors_that_pass(self):
        """a disk that is full is asked again"""
        acks = Acks("storage_full", "storage_failed")
        with FakeDaemon(Session(0, received(1), stays=True), acks) as daemon:
            process = self.start(daemon)
            acks.wait_for(1, answered=True)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(self.finish(process, 0), [1])
        self.assertEqual(acks.seqs, [1, 1, 1])

    def test_errors_at_the_end(self):
        """why the last acknowledgement was refused is said at once: it is not waited out"""
        says = "p2pchatctl: what was done is not acknowledged: not now (storage_full)\n"
        for stop, status in ((False, 1), (True, 0)):
            refuse = threading.Event()
            acks = Acks((refuse, "storage_full"), "storage_full")
            with FakeDaemon(Session(0, received(1), stays=True), acks) as daemon:
                process = self.start(daemon, "--timeout=3600", *([] if stop else ["--count=1"]))
                acks.wait_for(1)
                if stop:
                    process.send_signal(signal.SIGTERM)
                refuse.set()
                self.assertEqual(self.finish(process, status, says), [1])

    def test_end_after_an_error(self):
        """an acknowledgement that waits for its next try has it when the end comes"""
        acks = Acks("storage_full", "storage_failed")
        says = "p2pchatctl: what was done is not acknowledged: not now (storage_failed)\n"
        more = threading.Event()

        def events(connection):
            connection.send(answer(connection.read_request(), {"from": 0}) + event(received(1)))
            more.wait(DEADLINE_S)
            connection.send(event(received(2)))
            connection.read_rest()

        with FakeDaemon(events, acks) as daemon:
            process = self.start(daemon, "--timeout=3600", "--count=2")
            acks.wait_until_refused(1)
            more.set()
            self.assertEqual(self.finish(process, 1, says), [1, 2])
        self.assertEqual(acks.seqs, [1, 2])

    def test_count_without_a_daemon(self):
        """3 when no daemon came back for the last acknowledgement"""
        acks = Acks("close")

        def events(connection):
            Session(0, received(1))(connection)
            acks.wait_for(1)
            daemon.stop()

        with FakeDaemon(events, acks) as daemon:
            process = self.start(daemon, "--count=1", "--timeout=3")
            self.assertEqual(self.finish(process, 3, "p2pchatctl: no daemon answers: what was done "
                                         "after event 0 is not acknowledged, and comes again\n"),
                             [1])

    def test_errors_that_stay(self):
        """a consumer that was forgotten ends it, and nothing is asked again"""
        says = "p2pchatctl: what was done is not acknowledged: not now (no_such_consumer)\n"
        for args in ((), ("--count=1",), ("--exec=echo",)):
            with self.subTest(args):
                acks = Acks("no_such_consumer")
                with FakeDaemon(Session(0, received(1), stays=True), acks) as daemon:
                    process = self.start(daemon, *args)
                    err = process.communicate(timeout=DEADLINE_S)[1]
                self.assertEqual((process.returncode, err.decode()), (1, says))
                self.assertEqual(acks.seqs, [1])

    def test_gap(self):
        """a gap is done with when it is printed"""
        gap = {"seq": None, "type": "gap", "peer": None, "peer_id": None, "from": 1, "to": 90}
        acks = Acks()
        with FakeDaemon(Session(0, gap, stays=True), acks) as daemon:
            self.assertEqual(self.finish(self.start(daemon, "--count=1"), 0), [None])
        self.assertEqual(acks.seqs, [90])

    def test_gap_again(self):
        """a gap that was printed is not printed again, a longer one is"""
        def gap(to):
            return {"seq": None, "type": "gap", "peer": None, "from": 1, "to": to}

        sessions = (Session(0, gap(90), received(91)), Acks("shutting_down"),
                    Session(0, gap(90), received(91)), Acks("shutting_down"),
                    Session(0, gap(95), received(96), stays=True), Acks())
        with FakeDaemon(*sessions) as daemon:
            out, err = self.start(daemon, "--count=4").communicate(timeout=DEADLINE_S)
        self.assertEqual([(event["type"], event.get("to", event["seq"]))
                          for event in map(json.loads, out.splitlines())],
                         [("gap", 90), ("message.received", 91), ("gap", 95),
                          ("message.received", 96)])
        self.assertEqual(err.decode(), 2 * (AWAY + BACK))

    def test_nothing_to_acknowledge(self):
        """events without a seq are not acknowledged"""
        acks = Acks()
        with FakeDaemon(Session(4, {"seq": None, "type": "peer.online"}, stays=True), acks) as daemon:
            self.assertEqual(self.finish(self.start(daemon, "--count=1"), 0), [None])
        self.assertEqual(acks.seqs, [])

    def test_unread(self):
        """what cannot be written is not acknowledged; a reader that has enough is no error"""
        many = [received(seq, "x" * 1000) for seq in range(1, 2000)]
        acks = Acks()
        with FakeDaemon(Session(0, *many, stays=True), acks) as daemon:
            process = self.start(daemon)
            for _ in range(3):
                process.stdout.readline()
            process.stdout.close()
            process.stdout = None
            process.wait(DEADLINE_S)
            self.assertEqual((process.returncode, process.stderr.read()), (-signal.SIGPIPE, b""))
            process.stderr.close()
        self.assertLess(3, max(acks.seqs))
        self.assertLess(max(acks.seqs), 1999)

    def test_stuck(self):
        """what a reader did not take before the end is not acknowledged, to the line"""
        reading, writing = os.pipe()
        many = [received(seq, "x" * 1000) for seq in range(1, 2000)]
        acks = Acks()
        with FakeDaemon(Session(0, *many, stays=True), acks) as daemon:
            process = self.start(daemon, stdout=writing)
            os.close(writing)
            self.wait_until_full(reading)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(DEADLINE_S), 0)
            self.assertEqual(process.stderr.read(), b"")
            process.stderr.close()
            with open(reading, "rb") as pipe:
                whole = [line for line in pipe.read().splitlines(keepends=True)
                         if line.endswith(b"\n")]
        self.assertEqual(acks.seqs[-1], len(whole))
        self.assertEqual(json.loads(whole[-1])["seq"], len(whole))

    @staticmethod
    def wait_until_full(pipe):
        """Until nothing more is written to the pipe."""
        unread = array.array("i", [0])

        def is_full():
            before = unread[0]
            fcntl.ioctl(pipe, termios.FIONREAD, unread)
            return unread[0] == before > 60_000
        rig.wait_for(is_full, "a full pipe")

    def test_commands(self):
        """with --exec each event is acknowledged when its command has ended well"""
        acks = Acks()
        with FakeDaemon(Session(0, received(1), received(2), received(3), stays=True), acks) as daemon:
            process = self.start(daemon, "--exec=sh -c", "--",
                                 "echo '{\"seq\":'$P2PCHAT_SEQ'}'; test $P2PCHAT_SEQ != 3")
            self.assertEqual(self.finish(process, 1, "p2pchatctl: event 3 (message.received): the "
                                         "command ended with status 1; the event is not "
                                         "acknowledged\n"), [1, 2, 3])
        self.assertEqual(acks.seqs[-1], 2)

    def test_command_does_not_wait(self):
        """a command does not wait for the acknowledgement of the one before, which comes meanwhile"""
        directory = tempfile.TemporaryDirectory(prefix="p2pchat-test-")
        self.addCleanup(directory.cleanup)
        fifo = os.path.join(directory.name, "fifo")
        os.mkfifo(fifo)
        answered = threading.Event()
        acks = Acks(answered)
        with FakeDaemon(Session(0, received(1), received(2), received(3), stays=True), acks) as daemon:
            process = self.start(daemon, "--exec=sh -c", "--count=3", "--",
                                 f"echo '{{\"seq\":'$P2PCHAT_SEQ'}}'; test $P2PCHAT_SEQ != 3 || "
                                 f"read line <{fifo}")
            for _ in range(3):
                process.stdout.readline()
            acks.wait_for(1)
            self.assertEqual(acks.seqs, [1])
            answered.set()
            acks.wait_for(2)  # while the third runs
            with open(fifo, "w", encoding="ascii") as pipe:
                pipe.write("go on\n")
            self.finish(process, 0)
        self.assertEqual(acks.seqs, [1, 2, 3])

    def test_refused_while_a_command_runs(self):
        """an acknowledgement that is refused ends it, whenever that comes"""
        directory = tempfile.TemporaryDirectory(prefix="p2pchat-test-")
        self.addCleanup(directory.cleanup)
        fifo = os.path.join(directory.name, "fifo")
        os.mkfifo(fifo)
        refuse = threading.Event()
        acks = Acks((refuse, "no_such_consumer"))
        with FakeDaemon(Session(0, received(1), received(2), stays=True), acks) as daemon:
            process = self.start(daemon, "--exec=sh -c", "--count=2", "--", "echo $P2PCHAT_SEQ; "
                                 f"test $P2PCHAT_SEQ = 1 || read line <{fifo}")
            self.assertEqual([process.stdout.readline() for _ in "12"], [b"1\n", b"2\n"])
            refuse.set()
            with open(fifo, "w", encoding="ascii") as pipe:
                pipe.write("go on\n")
            err = process.communicate(timeout=DEADLINE_S)[1]
        self.assertEqual((process.returncode, err.decode()), (
            1, "p2pchatctl: what was done is not acknowledged: not now (no_such_consumer)\n"))

    def test_command_that_a_signal_ends(self):
        """an event whose command a signal ended is not acknowledged, those before it are"""
        acks = Acks()
        with FakeDaemon(Session(0, received(1), received(2), stays=True), acks) as daemon:
            process = self.start(daemon, "--exec=sh -c", "--",
                                 "test $P2PCHAT_SEQ = 1 && exit; echo begun; exec sleep 1000",
                                 start_new_session=True)
            self.assertEqual(process.stdout.readline(), b"begun\n")
            os.killpg(process.pid, signal.SIGTERM)
            self.assertEqual(self.finish(process, 0), [])
        self.assertEqual(acks.seqs, [1])


if __name__ == "__main__":
    rig.main()
