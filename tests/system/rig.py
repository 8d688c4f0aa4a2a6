"""What system tests share: daemons of their own, calls over the control socket, TAP.

A test is a unittest.TestCase; `rig.main()` at the end of the script runs them and prints TAP. Every
daemon lives in the temporary directory of its test and is ended with it, whatever happens.
"""

import glob
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

BUILT = os.environ.get("top_builddir", ".")
# For whatever takes milliseconds where nothing else happens: other machines are ten times slower,
# and their disks rest for seconds. Longer than anything after which the daemon itself gives up.
DEADLINE_S = 60


def program(name):
    return os.path.join(BUILT, name)


def wait_for(condition, what, progress=lambda: None):
    """Returns the first true value of condition(). What takes long in itself must get on: as often
    as progress() is something new, the deadline begins anew."""
    reached, end = progress(), time.monotonic() + DEADLINE_S
    while True:
        value = condition()
        if value:
            return value
        before, reached = reached, progress()
        if reached != before:
            end = time.monotonic() + DEADLINE_S
        elif time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        select.select([], [], [], 0.01)


def in_some_round(check, rounds=8):
    """For times that are compared with times: whatever else runs on this machine may spoil a round,
    or several. What is broken is so in each."""
    for left in reversed(range(rounds)):
        try:
            return check()
        except AssertionError:
            if left == 0:
                raise
    return None


class Refused(Exception):
    """The daemon answered with an error."""

    def __init__(self, error):
        super().__init__(f"{error['data']['name']}: {error['message']}")
        self.code = error["code"]
        self.name = error["data"]["name"]
        self.message = error["message"]
        self.data = error["data"]


class Client:
    """A connection to a control socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE_S)
        try:
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise
        self.lines = self.socket.makefile("rb")
        self.sent = 0
        self.answers = {}  # that came while another was waited for
        self.events = []  # notifications that came while a call waited

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.lines.close()
        self.socket.close()

    def send_bytes(self, data):
        self.socket.sendall(data)

    def send(self, method, **params):
        """Sends a call; returns its number."""
        return self.send_all([(method, params)])[0]

    def send_all(self, calls):
        """Sends calls, pairs of method and parameters, in one go; returns their numbers."""
        numbers = range(self.sent + 1, self.sent + len(calls) + 1)
        self.sent += len(calls)
        self.send_bytes(b"".join(
            json.dumps({"jsonrpc": "2.0", "id": number, "method": method,
                        "params": params}).encode() + b"\n"
            for number, (method, params) in zip(numbers, calls)))
        return numbers

    def read_line(self):
        """The next line, with its newline; nothing at the end of the stream."""
        try:
            return self.lines.readline()
        except ConnectionResetError:  # the end, of one who had not read everything
            return b""

    def receive(self):
        line = self.read_line()
        if not line:
            raise EOFError("the daemon closed the control connection")
        return json.loads(line)

    def result(self, number):
        while number not in self.answers:
            answer = self.receive()
            if "id" not in answer:
                self.events.append(answer["params"])
            elif self.answers.setdefault(answer["id"], answer) is not answer:
                raise AssertionError(f"a second answer: {answer}")
        answer = self.answers.pop(number)
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

    def call(self, method, **params):
        return self.result(self.send(method, **params))

    def event(self, kind=None):
        """The next event, or the next of this type; those before it are dropped."""
        while True:
            while not self.events:
                message = self.receive()
                if "id" in message:
                    self.answers[message["id"]] = message
                else:
                    self.events.append(message["params"])
            event = self.events.pop(0)
            if kind in (None, event["type"]):
                return event

    def is_silent(self):
        """Whether nothing comes in a tenth of a second. Only before the first line is read, or when
        nothing but answers was."""
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        return not poll.poll(100)


class Daemon:
    """A p2pchatd with a state directory and a control socket of its own."""

    def __init__(self, top, name, *options):
        self.name = name
        self.state = os.path.join(top, name)
        self.socket = os.path.join(top, name + ".sock")
        self.log_path = os.path.join(top, name + ".log")
        self.options = options or ("--listen=127.0.0.1:0",)
        self.prefix = ()  # a command that runs another one
        self.process = None
        self.clients = []

    def command(self, *more):
        return [*self.prefix, program("p2pchatd"), f"--socket={self.socket}",
                f"--state-dir={self.state}", f"--name={self.name}", *self.options, *more]

    def spawn(self, *more):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(*more), stderr=log,
                                            stdin=subprocess.DEVNULL)

    def start(self, *more):
        """Returns a connected client."""
        self.spawn(*more)
        return wait_for(self.try_client, f"{self.name}'s control socket")

    def try_client(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}: {self.log()}")
        try:
            return self.client()
        except OSError:
            return None

    def call(self, method, **params):
        """One call on a connection of its own."""
        client = Client(self.socket)
        try:
            return client.call(method, **params)
        finally:
            client.close()

    def address(self):
        return self.call("status")["listen"][0]

    def client(self):
        self.clients.append(Client(self.socket))
        return self.clients[-1]

    def refusal(self):
        """Starts, and returns the exit status and what was said."""
        done = subprocess.run(self.command(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              timeout=DEADLINE_S, check=False)
        return done.returncode, done.stderr.decode()

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def log(self):
        with open(self.log_path, encoding="utf-8") as log:
            return log.read()

    def end(self, number=signal.SIGTERM):
        """Sends the signal and returns the exit status (minus the signal's number, if it killed)."""
        for client in self.clients:
            client.close()
        self.clients.clear()
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)

    def clean_up(self):
        if self.process is not None and self.process.poll() is None:
            self.end(signal.SIGKILL)
        for client in self.clients:
            client.close()


class Tracker(Daemon):
    """A p2pchatd in the role of a tracker."""

    def __init__(self, top, name, *options):
        super().__init__(top, name, "--role=tracker", *(options or ("--listen=127.0.0.1:0",)))

    def listed(self, **parameters):
        """All that it lists, by name."""
        peers = {}
        while parameters.get("after", "") is not None:
            page = self.call("listpeer", **parameters)
            peers.update((peer["name"], peer) for peer in page["peers"])
            parameters["after"] = page["next"]
        return peers


class Test(unittest.TestCase):
    LAST_LINES = 15  # of each log, shown when a test fails

    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="p2pchat-test-")
        self.addCleanup(shutil.rmtree, self.top)
        self.addCleanup(self.last_words)
        self.words = ""

    def last_words(self):
        """What the daemons of this test said last, also when its directory is gone."""
        if os.path.isdir(self.top):
            self.words = ""
            for path in sorted(glob.glob(self.path("**", "*.log"), recursive=True)):
                with open(path, encoding="utf-8", errors="replace") as log:
                    lines = log.readlines()[-self.LAST_LINES:]
                self.words += "".join([f"{os.path.basename(path)}:\n", *lines])
        return self.words

    def path(self, *parts):
        return os.path.join(self.top, *parts)

    def write(self, name, content, mode=0o600):
        with open(self.path(name), "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def use_memory_again(self):
        """AddressSanitizer keeps freed memory back; daemons from now on use it again, as they do
        without it."""
        before = os.environ.get("ASAN_OPTIONS")
        os.environ["ASAN_OPTIONS"] = (before + ":" if before else "") + \
            "quarantine_size_mb=0:thread_local_quarantine_size_kb=0"
        self.addCleanup(os.environ.pop if before is None else os.environ.__setitem__,
                        "ASAN_OPTIONS", *(() if before is None else (before,)))

    def daemon(self, name, *options):
        daemon = Daemon(self.top, name, *options)
        self.addCleanup(daemon.clean_up)
        return daemon


class People(Test):
    """Nodes that talk to each other, each called by its name."""

    def person(self, name, *options, place="", prefix=()):
        """A running node. Two of one name want different places. `prefix`: what starts it."""
        os.makedirs(self.path(place), exist_ok=True)
        daemon = Daemon(self.path(place), name, "--listen=127.0.0.1:0", *options)
        daemon.prefix = prefix
        self.addCleanup(self.end_well, daemon)
        daemon.start()
        return daemon

    def tracker(self, *options, name="tracker", place=""):
        """A running tracker, on a port that it has again when it is started again."""
        os.makedirs(self.path(place), exist_ok=True)
        tracker = Tracker(self.path(place), name, "--listen=127.0.0.1:0", *options)
        self.addCleanup(self.end_well, tracker)
        tracker.start()
        return tracker

    def member(self, name, *trackers, options=(), place=""):
        """A person who is registered at these trackers."""
        daemon = self.person(name, *(f"--tracker={tracker.address()}" for tracker in trackers),
                             *options, place=place)
        wait_until_registered(daemon, *trackers)
        return daemon

    def end_well(self, daemon):
        try:
            if daemon.process.poll() is None:
                self.assertEqual(daemon.end(), 0, daemon.log())
        finally:
            daemon.clean_up()

    def befriend(self, asker, asked):
        watcher = asked.client()
        watcher.call("events.subscribe")
        asker.call("chat.request", to=asked.address())
        asker_id = asker.call("identity")["peer_id"]
        event = watcher.event("chat.requested")
        while event["peer_id"] != asker_id:  # of others, which was not kept before
            event = watcher.event("chat.requested")
        watcher.call("chat.accept", request=event["request"])
        for one in (asker, asked):
            wait_for(lambda: any(c["consent"] == "mutual" for c in
                                 one.call("contact.list")["contacts"]), "mutual consent")

    def pair(self, *options):
        alice, bob = self.person("alice", *options), self.person("bob", *options)
        self.befriend(alice, bob)
        return alice, bob

    def assert_refused(self, name, function, *arguments, **parameters):
        with self.assertRaises(Refused) as caught:
            function(*arguments, **parameters)
        self.assertEqual(caught.exception.name, name, caught.exception.message)


def queued(daemon):
    """How many messages wait to be delivered."""
    return daemon.call("status")["queued"]


def tracker_states(daemon):
    """What a node says of its trackers: states by addresses."""
    return {at["address"]: at["state"] for at in daemon.call("status")["trackers"]}


def wait_until_registered(daemon, *trackers):
    """Until it says so of each of these trackers, which run."""
    wanted = {tracker.address() for tracker in trackers}
    wait_for(lambda: all(tracker_states(daemon).get(at) == "registered" for at in wanted),
             f"{daemon.name} to be registered", lambda: tracker_states(daemon))


def wait_until_listed(tracker, *names):
    """Until exactly these names are listed."""
    wait_for(lambda: set(tracker.listed()) == set(names), f"{names} to be listed",
             lambda: sorted(tracker.listed()))


def wait_until_delivered(daemon):
    """Until none waits."""
    wait_for(lambda: queued(daemon) == 0, "everything to be delivered", lambda: queued(daemon))


class TapResult(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.number = 0
        self.parts = []  # what went wrong in parts (subTest) of the running test

    def say(self, word, test, comment=""):
        self.number += 1
        print(f"{word} {self.number} - {test.id().rpartition('.')[2]}", flush=True)
        for line in comment.splitlines():
            print(f"# {line}")

    def addSuccess(self, test):
        self.say("ok", test)

    def addFailure(self, test, err):
        self.say_why(test, self._exc_info_to_string(err, test))

    def addError(self, test, err):
        self.say_why(test, self._exc_info_to_string(err, test))

    def say_why(self, test, why):
        self.say("not ok", test, why + (test.last_words() if isinstance(test, Test) else ""))

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.parts.append(f"{subtest.id()}\n{self._exc_info_to_string(err, test)}")

    def stopTest(self, test):
        if self.parts:
            self.say_why(test, "\n".join(self.parts))
            self.parts.clear()

    def addSkip(self, test, reason):
        self.number += 1
        print(f"ok {self.number} - {test.id().rpartition('.')[2]} # SKIP {reason}", flush=True)


def main():
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    if len(sys.argv) > 1:  # by name, for people
        suite = unittest.defaultTestLoader.loadTestsFromNames(sys.argv[1:],
                                                              sys.modules["__main__"])
    print(f"1..{suite.countTestCases()}", flush=True)
    suite.run(TapResult())
