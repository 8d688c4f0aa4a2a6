"""Load for tests in which daemons die: who says numbered messages, and who reads events. Each is a
thread that connects to its daemon again and again until it is stopped, and keeps what a careful
program would have on its own disk."""

import json
import os
import random
import select
import socket
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
        self.heard_lines = 0
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
        """As rig.wait_for, as long as this program gets on; also ends with what went wrong here."""
        return rig.wait_for(lambda: self.check() and condition(), what, self.progress)

    def progress(self):
        """Something else whenever it has got on."""
        return self.heard_lines

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
                self.heard_lines += len(lines)
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
    answered when the daemon died, or it died itself, is repeated with its key, and so are some that
    were answered: the answers must be equal."""

    WINDOW = 200    # said and not answered
    WAIT_EVERY = 20  # of which one asks for an answer when it is delivered
    ASKED_AGAIN = 3  # of those answered before, on each connection
    DIES = 0.002     # how often, for each answer: before it is kept

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
        if self.random.random() < self.DIES:
            raise EOFError
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
        self.events = []
        self.messages = 0
        self.delivered = 0

    def greet(self):
        self.call("subscribe", "events.subscribe", since=self.seq, peer=self.peer)

    def heard(self, message):
        if "method" in message:
            if message["params"]["seq"] is not None:
                self.take(message["params"])
        elif "error" in message:
            raise AssertionError(message)
        elif message["id"] == "subscribe":
            self.subscribed(message["result"]["from"])
        else:
            self.acknowledged(message["result"]["seq"])

    def subscribed(self, position):
        if position != self.seq:
            raise AssertionError(f"begins after {position}; {self.seq} was told already")

    def acknowledged(self, position):
        raise AssertionError(f"{position} is acknowledged, and we did not")

    def take(self, event):
        if event["seq"] <= self.seq:
            raise AssertionError(f"after {self.seq} came {event}")
        self.seq = event["seq"]
        self.events.append(event)
        self.messages += event["type"] in ("message.sent", "message.received")
        self.delivered += event["count"] if event["type"] == "message.delivered" else 0

    def of(self, *kinds):
        return [event for event in self.events if event["type"] in kinds]

    def ids_and_texts(self, kind):
        return [(event["id"], event["text"]) for event in self.of(kind)]


class Consumer(Reader):
    """Follows by a name: the daemon keeps its place. It keeps what it reads, and acknowledges some
    time later; at times it dies in between, and is then told again what it had not acknowledged."""

    ACKNOWLEDGES = 0.1  # how often, for each event
    DIES = 0.002

    def __init__(self, daemon, peer, name, seed):
        super().__init__(daemon, peer)
        self.name_of = name
        self.random = random.Random(seed)
        self.begins = threading.Event()
        self.start_seq = 0
        self.acked = self.asked = 0  # what the daemon must, and may, have as our place
        self.told = 0  # on this connection
        self.repeated = 0

    def begin(self, test):
        super().begin(test)
        self.wait_for(self.begins.is_set, "the first subscription")
        return self

    def greet(self):
        self.call("subscribe", "events.subscribe", consumer=self.name_of, peer=self.peer)

    def subscribed(self, position):
        if not self.begins.is_set():
            self.start_seq = self.seq = self.acked = self.asked = position
            self.begins.set()
        if not self.acked <= position <= self.asked:
            raise AssertionError(f"begins after {position}; {self.acked} was acknowledged, and up "
                                 f"to {self.asked} perhaps")
        self.told = position

    def acknowledged(self, position):
        if not self.acked <= position <= self.asked:
            raise AssertionError(f"{position} is acknowledged, after {self.acked}")
        self.acked = position

    def take(self, event):
        if event["seq"] <= self.told:
            raise AssertionError(f"after {self.told} came {event}")
        self.told = event["seq"]
        if event["seq"] > self.seq:
            super().take(event)
        else:
            self.repeated += 1
        if self.random.random() < self.DIES:
            raise EOFError
        if self.random.random() < self.ACKNOWLEDGES:
            self.asked = max(self.asked, event["seq"])
            self.call("ack", "events.ack", consumer=self.name_of, seq=event["seq"])
