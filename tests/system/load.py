"""Load for tests in which daemons die: somebody who says numbered messages, and somebody who reads
events. Each is a thread that connects to its daemon again and again until it is stopped, and keeps
what a careful program would have on its own disk."""

import contextlib
import json
import os
import random
import re
import select
import socket
import sqlite3
import threading
import time

import rig


class Program(threading.Thread):
    """A program on the control socket of a daemon that comes and goes."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.daemon_of = daemon
        self.failure = None
        self.stopping = False
        self.output = b""
        self.connections = 0
        self.wake_read, self.wake_write = os.pipe()

    def begin(self, test):
        """Runs until it is stopped, or the test ends."""
        test.addCleanup(self.stop)
        self.start()
        return self

    def run(self):
        try:
            while not self.stopping:
                self.one_connection()
        except Exception as failure:  # told by check()
            self.failure = failure

    def check(self):
        """Raises what went wrong here."""
        if self.failure is not None:
            raise AssertionError(f"{type(self).__name__}: {self.failure!r}") from self.failure
        return True

    def stop(self):
        self.stopping = True
        self.wake()
        if self.is_alive():
            self.join()

    def wake(self):
        os.write(self.wake_write, b"x")

    def wait_for(self, condition, what):
        """As rig.wait_for, but also ends with what went wrong here."""
        return rig.wait_for(lambda: self.check() and condition(), what)

    def connect(self):
        """A connection; None when it is stopped before there is one."""
        end = time.monotonic() + rig.DEADLINE_S
        while not self.stopping:
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(self.daemon_of.socket)
                connection.setblocking(False)
                return connection
            except OSError:  # it is down, or its listener was closed while we asked
                connection.close()
            if time.monotonic() > end:
                raise AssertionError(f"{self.daemon_of.name} does not come back")
            select.select([], [], [], 0.005)
        return None

    def one_connection(self):
        """From connecting until the daemon is gone."""
        connection = self.connect()
        if connection is None:
            return
        with connection:
            self.output = b""
            self.connections += 1
            self.greet()
            rest = b""
            try:
                while not self.stopping:
                    self.turn()
                    rest = self.exchange(connection, rest)
            except (BrokenPipeError, ConnectionResetError, EOFError):
                pass

    def exchange(self, connection, rest):
        """Waits, sends and receives once. Whole lines are handled; the rest is returned."""
        events = select.poll()
        events.register(connection, select.POLLIN | (select.POLLOUT if self.output else 0))
        events.register(self.wake_read, select.POLLIN)
        for descriptor, what in events.poll():
            if descriptor == self.wake_read:
                os.read(self.wake_read, 4096)
                continue
            if what & select.POLLOUT:
                self.output = self.output[connection.send(self.output):]
            if what & ~select.POLLOUT:
                received = connection.recv(1 << 16)
                if not received:
                    raise EOFError
                *lines, rest = (rest + received).split(b"\n")
                for line in lines:
                    self.heard(json.loads(line))
        return rest

    def call(self, number, method, **params):
        self.output += json.dumps({"jsonrpc": "2.0", "id": number, "method": method,
                                   "params": params}).encode() + b"\n"

    def greet(self):
        """First words on a new connection."""

    def turn(self):
        """Before each wait."""

    def heard(self, message):
        """One line came."""
        raise NotImplementedError


class Sender(Program):
    """Says messages 0, 1, 2, … to a peer, each with a key of its own, many at a time. What was not
    answered when the daemon died is repeated with its key, and so are some that were answered: the
    answers must be equal."""

    WINDOW = 200    # said and not answered
    WAIT_EVERY = 20  # of which one asks for an answer when it is delivered
    ASKED_AGAIN = 3  # of those answered before, on each connection

    def __init__(self, daemon, peer, seed):
        super().__init__(daemon)
        self.peer = peer
        self.random = random.Random(seed)
        self.wanted = 0
        self.said = 0
        self.unanswered = {}  # in order; True: asked to wait
        self.waiting = 0
        self.repeated = 0
        self.answers = {}  # number: (seq, id)

    @staticmethod
    def text(number):
        return f"message {number}"

    def texts(self):
        return [self.text(number) for number in range(self.wanted)]

    def answered(self):
        """(seq, id) of all messages, in the order in which they were said."""
        return [self.answers[number] for number in range(self.wanted)]

    def ids_and_texts(self):
        return [(id, text) for (_, id), text in zip(self.answered(), self.texts())]

    def say(self, count):
        """So many more."""
        self.wanted += count
        self.wake()

    def is_done(self):
        return self.check() and len(self.answers) == self.wanted

    def ask(self, number):
        wait = {"wait": True} if number % self.WAIT_EVERY == 0 else {}
        self.unanswered[number] = bool(wait)
        self.waiting += bool(wait)
        self.call(number, "chat.message", peer=self.peer, text=self.text(number),
                  key=f"key-{number}", **wait)

    def greet(self):
        unanswered = [number for number in self.unanswered if number not in self.answers]
        self.unanswered.clear()
        self.waiting = 0
        self.repeated += len(unanswered)
        answered = list(self.answers)
        for number in self.random.sample(answered, min(self.ASKED_AGAIN, len(answered))):
            self.ask(number)
        for number in unanswered:
            self.ask(number)

    def turn(self):
        while self.said < self.wanted and len(self.unanswered) - self.waiting < self.WINDOW:
            self.ask(self.said)
            self.said += 1

    def heard(self, message):
        number = message["id"]
        if "error" in message:
            if message["error"]["data"]["name"] != "shutting_down":
                raise AssertionError(f"message {number}: {message['error']}")
            return  # to be repeated on the next connection
        result = message["result"]
        self.waiting -= self.unanswered.pop(number)
        answer = (result["seq"], result["id"])
        if self.answers.setdefault(number, answer) != answer:
            raise AssertionError(f"{answer} for message {number}, and {self.answers[number]} before")


class Reader(Program):
    """Follows the events with a peer from its own position, which it keeps with what it read."""

    def __init__(self, daemon, peer):
        super().__init__(daemon)
        self.peer = peer
        self.seq = 0
        self.events = {}  # type: [(seq, id or through, text or count)]
        self.delivered = 0  # messages that were told to be

    def of(self, kind):
        return self.events.get(kind, [])

    def messages(self):
        return len(self.of("message.sent")) + len(self.of("message.received"))

    def greet(self):
        self.call(0, "events.subscribe", since=self.seq, peer=self.peer)

    def heard(self, message):
        if "method" in message:
            self.take(message["params"])
        elif message["id"] == 0:
            self.subscribed(message["result"]["from"])

    def subscribed(self, position):
        if position != self.seq:
            raise AssertionError(f"begins after {position}; {self.seq} was told already")

    def take(self, event):
        if event["seq"] is None:
            return
        if event["seq"] <= self.seq:
            raise AssertionError(f"after {self.seq} came {event}")
        self.seq = event["seq"]
        self.events.setdefault(event["type"], []).append(
            (event["seq"], event.get("id", event.get("through")),
             event.get("text", event.get("count"))))
        if event["type"] == "message.delivered":
            self.delivered += event["count"]


def whole_history(daemon, peer):
    """All messages with a peer, the oldest first."""
    messages, after = [], 0
    with daemon.client() as client:
        while after is not None:
            page = client.call("history", peer=peer, after=after, limit=1000)
            messages += page["messages"]
            after = page["next"]
    return messages


def assert_sound(test, daemon, complaints=()):
    """The database of a daemon that has ended is whole, and its log holds nothing of warning or
    worse, but for lines with one of `complaints`."""
    with contextlib.closing(sqlite3.connect(os.path.join(daemon.state, "p2pchat.db"))) as database:
        test.assertEqual(database.execute("PRAGMA quick_check").fetchall(), [("ok",)])
    for line in daemon.log().splitlines():
        if not re.match(r"[-0-9]+ [:.0-9]+ (notice|info): ", line):
            test.assertTrue(any(complaint in line for complaint in complaints), line)


class Side:
    """A daemon, the program that speaks through it, and those that read."""

    def __init__(self, test, daemon, peer, seed):
        self.daemon = daemon
        self.sender = Sender(daemon, peer, seed).begin(test)
        self.reader = Reader(daemon, peer).begin(test)

    def programs(self):
        return [self.sender, self.reader]

    def wait_for_the_end(self, messages):
        """Until everything of both sides, so many messages, is answered, delivered and told."""
        self.sender.wait_for(self.sender.is_done, "all answers")
        rig.wait_for(lambda: self.daemon.call("status")["queued"] == 0, "all to be delivered")
        self.reader.wait_for(lambda: self.reader.delivered >= self.sender.wanted and
                             self.reader.messages() >= messages, "all events")
        for program in self.programs():
            program.stop()
            program.check()

    def check(self, test, other):
        """What was kept and told here is what was said here and there."""
        answers, texts = self.sender.answered(), self.sender.texts()
        test.assertEqual(answers, sorted(answers))
        test.assertEqual(self.reader.of("message.sent"),
                         [(*answer, text) for answer, text in zip(answers, texts)])
        test.assertEqual([event[1:] for event in self.reader.of("message.received")],
                         other.sender.ids_and_texts())
        test.assertEqual(self.reader.delivered, len(texts))
        test.assertEqual(self.reader.of("security.warning") + self.reader.of("gap"), [])
        history = whole_history(self.daemon, self.sender.peer)
        for direction, state, sender in (("out", "delivered", self.sender),
                                         ("in", "received", other.sender)):
            test.assertEqual([m for m in history if m["direction"] == direction and
                              m["state"] != state], [])
            test.assertEqual([(m["id"], m["text"]) for m in history
                              if m["direction"] == direction], sender.ids_and_texts())


def finish(test, sides):
    """When the two sides of a conversation have said enough: waits until all is delivered, ends the
    daemons and checks everything. Returns the number of messages."""
    messages = sum(side.sender.wanted for side in sides)
    for side in sides:
        side.wait_for_the_end(messages)
    for side, other in (sides, sides[::-1]):
        side.check(test, other)
    for side in sides:
        test.assertEqual(side.daemon.end(), 0, side.daemon.log())
        assert_sound(test, side.daemon)
    return messages
