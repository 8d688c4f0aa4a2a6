"""The configuration, read again while the daemon runs (p2pchatd(8), Reload): what changes, what
waits for a restart, and what no mistake does."""

import os
import re
import signal
import socket
import subprocess
import unittest
import urllib.error
import urllib.request

import dialect
import rig

NOTHING = {"changed": [], "needs_restart": []}


class Node(rig.Daemon):
    """All that it is told stands in a file, but where its files are."""

    def __init__(self, top, name, **file):
        super().__init__(top, name)
        self.path = os.path.join(top, name + ".conf")
        self.options = ()
        self.write(**file)

    def command(self, *more):
        return [rig.program("p2pchatd"), f"--config={self.path}", f"--socket={self.socket}",
                f"--state-dir={self.state}", *self.options, *more]

    def write(self, **sections):
        """Sections with what stands in them; a name and a place to listen at are there."""
        node = f"Name={self.name}\nListen=127.0.0.1:0\n" + sections.pop("Node", "")
        with open(self.path, "w", encoding="utf-8") as file:
            for section, lines in {"Node": node, **sections}.items():
                file.write(f"[{section}]\n{lines}\n")

    def reload(self):
        return self.call("reload")

    def told(self):
        """How many reloads the log tells of, with and without success."""
        return self.log().count("code=reloaded"), self.log().count("code=reload_refused")

    def hang_up(self):
        """SIGHUP, and waits until the log tells what came of it."""
        before = self.told()
        self.process.send_signal(signal.SIGHUP)
        rig.wait_for(lambda: self.told() != before, "a word about SIGHUP")


class Reload(rig.People):
    def alone(self, name="alice", **file):
        """A running node with that file."""
        node = Node(self.top, name, **file)
        self.addCleanup(self.end_well, node)
        node.start()
        return node

    def assert_changes(self, node, *names):
        self.assertEqual(node.reload(), {"changed": list(names), "needs_restart": []})

    def assert_bad(self, node, *parts):
        with self.assertRaises(rig.Refused) as caught:
            node.reload()
        self.assertEqual((caught.exception.name, caught.exception.code), ("bad_config", -32022))
        mistakes = "\n".join(caught.exception.data["mistakes"])
        for part in parts:
            self.assertIn(part, mistakes)
        first = caught.exception.data["mistakes"][0]
        self.assertIn(f"nothing was changed: {first}", caught.exception.message)


class AtOnce(Reload):
    """Every setting that holds at once, seen to work."""

    def test_nothing_new(self):
        alice = self.alone()
        self.assertEqual(alice.reload(), NOTHING)
        with open(alice.path, "a", encoding="utf-8") as file:
            file.write("\n# a remark\n; another one\n")
        self.assertEqual(alice.reload(), NOTHING)
        self.assertIn("the configuration was read again; nothing has changed", alice.log())

    def test_log_level(self):
        alice = self.alone()
        self.assertNotIn(" debug: ", alice.log())
        alice.write(Log="Level=debug\n")
        self.assert_changes(alice, "Log.Level")
        self.assert_refused("no_such_peer", alice.call, "history", peer="nobody")
        self.assertIn(" debug: ", alice.log())
        alice.write(Log="Level=error\n")
        self.assert_changes(alice, "Log.Level")
        size = len(alice.log())
        alice.reload()
        self.assertEqual(len(alice.log()), size)

    def test_name_and_address(self):
        tracker = self.tracker()
        alice = self.alone(Tracker=f"Use={tracker.address()}\n")
        rig.wait_until_listed(tracker, "alice")
        alice.write(Node="Name=anna\nAdvertise=chat.example.org:443\n",
                    Tracker=f"Use={tracker.address()}\n")
        self.assert_changes(alice, "Node.Advertise", "Node.Name")
        identity = alice.call("identity")
        self.assertEqual(identity["name"], "anna")
        self.assertIn("@chat.example.org:443?name=anna", identity["address"])
        rig.wait_until_listed(tracker, "anna")
        rig.wait_for(lambda: tracker.listed()["anna"]["addresses"] == ["chat.example.org:443"],
                     "the address")
        alice.write(Tracker=f"Use={tracker.address()}\n")
        self.assert_changes(alice, "Node.Advertise", "Node.Name")
        rig.wait_until_listed(tracker, "alice")
        self.assertNotIn("example.org", alice.call("identity")["address"])

    def test_trackers(self):
        first, second = self.tracker(), self.tracker(name="second")
        alice = self.alone(Tracker=f"Use={first.address()}\n")
        rig.wait_until_listed(first, "alice")
        alice.write(Tracker=f"Use={second.address()}\n")
        self.assert_changes(alice, "Tracker.Use")
        rig.wait_until_listed(second, "alice")
        rig.wait_until_listed(first)
        rig.wait_for(lambda: list(rig.tracker_states(alice)) == [second.address()],
                     "the first to be forgotten")
        self.assertEqual(alice.end(signal.SIGKILL), -signal.SIGKILL)
        alice.start()
        rig.wait_until_registered(alice, second)
        self.assertEqual(list(rig.tracker_states(alice)), [second.address()])
        alice.write()
        self.assert_changes(alice, "Tracker.Use")
        rig.wait_until_listed(second)
        self.assertEqual(alice.call("status")["trackers"], [])

    def test_trackers_by_a_restart(self):
        """Those that are taken out of the file are left, those of the command stay."""
        first, second, third = (self.tracker(name=name) for name in ("first", "second", "third"))
        alice = self.alone(Tracker=f"Use={first.address()}\nUse={second.address()}\n")
        alice.call("register", tracker=third.address())
        for tracker in (first, second, third):
            rig.wait_until_listed(tracker, "alice")
        alice.write(Tracker=f"Use={first.address()}\n")
        self.assertEqual(alice.end(), 0)
        alice.start()
        rig.wait_until_listed(second)
        rig.wait_until_registered(alice, first)
        self.assertEqual(set(rig.tracker_states(alice)), {first.address(), third.address()})
        alice.write()
        self.assert_changes(alice, "Tracker.Use")
        self.assertEqual(alice.end(), 0)
        for _ in range(2):
            alice.start()
            self.assertEqual(list(rig.tracker_states(alice)), [third.address()])
            self.assertEqual(alice.end(signal.SIGKILL), -signal.SIGKILL)
        alice.start()

    def test_request_timeout(self):
        alice, bob = self.alone(), self.person("bob")
        alice.write(Chat="RequestTimeoutSec=100\n")
        self.assert_changes(alice, "Chat.RequestTimeoutSec")
        alice.call("chat.request", to=bob.address())
        left = alice.call("chat.requests")["requests"][0]["expires_in_s"]
        self.assertLessEqual(left, 100)
        alice.write(Chat="RequestTimeoutSec=1\n")
        self.assert_changes(alice, "Chat.RequestTimeoutSec")
        alice.call("chat.request", to=bob.address())
        rig.wait_for(lambda: not alice.call("chat.requests")["requests"], "it to expire")

    def test_accepted_at_once(self):
        alice, bob, carol = self.alone(), self.person("bob"), self.person("carol")
        watcher = alice.client()
        watcher.call("events.subscribe")
        bob.call("chat.request", to=alice.address())
        watcher.event("chat.requested")
        alice.write(Chat="".join(f"AcceptFrom={one.call('identity')['peer_id']}\n"
                                 for one in (bob, carol)))
        self.assert_changes(alice, "Chat.AcceptFrom")
        carol.call("chat.request", to=alice.address())
        rig.wait_for(lambda: {peer["alias"] for peer in alice.call("chat.connected")["peers"]} ==
                     {"bob", "carol"}, "both to be accepted")

    def test_outbox(self):
        alice, bob = self.alone(), self.person("bob")
        self.befriend(alice, bob)
        self.assertEqual(bob.end(), 0)
        alice.write(Limits="OutboxMessages=1\n")
        self.assert_changes(alice, "Limits.OutboxMessages")
        alice.call("chat.message", peer="bob", text="x" * 40000)
        self.assert_refused("outbox_full", alice.call, "chat.message", peer="bob", text="2")
        alice.write(Limits="OutboxBytes=64K\n")
        self.assert_changes(alice, "Limits.OutboxMessages", "Limits.OutboxBytes")
        self.assert_refused("outbox_full", alice.call, "chat.message", peer="bob",
                            text="x" * 40000)
        alice.call("chat.message", peer="bob", text="2")
        alice.write()
        self.assert_changes(alice, "Limits.OutboxBytes")
        alice.call("chat.message", peer="bob", text="x" * 40000)

    def test_retention(self):
        alice, bob = self.alone(), self.person("bob")
        self.befriend(alice, bob)
        for _ in range(20):
            alice.call("chat.message", peer="bob", text="x" * 40000)
        rig.wait_until_delivered(alice)
        self.assertEqual(alice.call("status")["log"]["first_seq"], 1)
        alice.write(Store="RetainBytes=256K\nRetainDays=9\nConsumerDays=7\n")
        self.assert_changes(alice, "Store.RetainDays", "Store.RetainBytes", "Store.ConsumerDays")
        rig.wait_for(lambda: alice.call("status")["log"]["first_seq"] > 1,
                     "the oldest to be removed")

    def test_metrics(self):
        with socket.socket() as taken, socket.socket() as free:
            for one in (taken, free):
                one.bind(("127.0.0.1", 0))
            taken.listen()
            port, busy = free.getsockname()[1], taken.getsockname()[1]
            free.close()
            url = f"http://127.0.0.1:{port}/metrics"
            alice = self.alone()
            with self.assertRaises(urllib.error.URLError):
                urllib.request.urlopen(url, timeout=rig.DEADLINE_S)
            alice.write(Metrics=f"Listen=127.0.0.1:{port}\n")
            self.assert_changes(alice, "Metrics.Listen")
            with urllib.request.urlopen(url, timeout=rig.DEADLINE_S) as answer:
                self.assertIn(b"p2pchat_", answer.read())

            # A port that cannot be had is a mistake as others are: all stays as it was.
            alice.write(Metrics=f"Listen=127.0.0.1:{busy}\n", Log="Level=debug\n")
            self.assert_bad(alice, f"{alice.path}:6: Listen=: 127.0.0.1:{busy} is in use")
            with urllib.request.urlopen(url, timeout=rig.DEADLINE_S) as answer:
                self.assertIn(b"p2pchat_", answer.read())
            alice.write()
            self.assert_changes(alice, "Metrics.Listen")
            with self.assertRaises(urllib.error.URLError):
                urllib.request.urlopen(url, timeout=rig.DEADLINE_S)

    def test_options_stand_above_the_file(self):
        alice = Node(self.top, "alice")
        alice.options = ("--log-level=debug", "--name=carl")
        self.addCleanup(self.end_well, alice)
        alice.start()
        alice.write(Node="Name=anna\n", Log="Level=error\n")
        self.assertEqual(alice.reload(), NOTHING)
        self.assertEqual(alice.call("identity")["name"], "carl")

    def test_tracker(self):
        tracker = Node(self.top, "friends")
        tracker.options = ("--role=tracker",)
        self.addCleanup(self.end_well, tracker)
        tracker.start()
        tracker.write(Node="Name=foes\nAdvertise=tracker.example.org:28471\n")
        self.assert_changes(tracker, "Node.Advertise", "Node.Name")
        self.assertIn("@tracker.example.org:28471?name=foes", tracker.call("identity")["address"])
        tracker.write(Tracker="Use=tracker.example.net:28471\n")
        self.assert_bad(tracker, "Use=: a tracker has no use for it")


class ToClassicPeers(Reload, dialect.Dialect):
    def test_long_texts(self):
        alice, peer = self.alone(Classic="Listen=127.0.0.1:0\n"), self.peer("carol")
        events = alice.client()
        events.call("events.subscribe")
        alice.call("chat.request", to=f"classic:{peer.at()}")
        peer.wait("CHAT_REQUEST")
        peer.accept("alice")
        events.event("chat.accepted")
        alice.write(Classic="Listen=127.0.0.1:0\nLongText=refuse\n")
        self.assert_changes(alice, "Classic.LongText")
        self.assert_refused("too_long", alice.call, "chat.message", peer="carol", text="x" * 5000)
        alice.write(Classic="Listen=127.0.0.1:0\n")
        self.assert_changes(alice, "Classic.LongText")
        alice.call("chat.message", peer="carol", text="x" * 5000)


class AtRestart(Reload):
    def test_named_until_it_holds(self):
        alice = self.alone()
        listening = alice.call("status")["listen"]
        alice.options = (f"--socket={alice.socket}",)
        other = self.path("other")
        alice.write(Node=f"Listen=\nListen=127.0.0.2:0\nStateDirectory={other}\n",
                    Control=f"Socket={other}.sock\n", Classic="Listen=127.0.0.2:0\n")
        # the two that options stand above are not new
        expected = {"changed": [], "needs_restart": ["Node.Listen", "Classic.Listen"]}
        self.assertEqual(alice.reload(), expected)
        self.assertEqual(alice.reload(), expected)
        self.assertEqual(alice.call("status")["listen"], listening)
        self.assertEqual(alice.call("status")["classic_listen"], [])
        self.assertEqual(alice.end(), 0)
        status = alice.start().call("status")
        self.assertRegex(status["listen"][0], r"^127\.0\.0\.2:")
        self.assertRegex(status["classic_listen"][0], r"^127\.0\.0\.2:")
        self.assertEqual(alice.reload(), NOTHING)

    def test_all_of_them(self):
        config = self.write("c", f"[Node]\nListen=127.0.0.1:0\nStateDirectory={self.path('s')}\n"
                                 f"[Control]\nSocket={self.path('c.sock')}\n")
        alice = self.daemon("alice")
        alice.command = lambda *_: [rig.program("p2pchatd"), f"--config={config}"]
        alice.socket = self.path("c.sock")
        alice.start()
        self.write("c", f"[Node]\nListen=127.0.0.1:0\nStateDirectory={self.path('t')}\n"
                        f"Role=tracker\n[Control]\nSocket={self.path('d.sock')}\n")
        self.assertEqual(alice.call("reload"),
                         {"changed": [], "needs_restart": ["Control.Socket", "Node.StateDirectory",
                                                           "Node.Role"]})
        self.assertEqual(alice.call("status")["role"], "node")

    def test_another_role(self):
        """A tracker's file leaves the trackers of a node that runs alone."""
        tracker = self.tracker()
        use = f"Use={tracker.address()}\n"
        alice = self.alone(Tracker=use)
        rig.wait_until_listed(tracker, "alice")
        alice.write(Node="Role=tracker\n")
        self.assertEqual(alice.reload(), {"changed": [],
                                          "needs_restart": ["Node.Role", "Tracker.Use"]})
        self.assertEqual(list(rig.tracker_states(alice)), [tracker.address()])
        alice.write(Tracker=use)
        self.assertEqual(alice.reload(), NOTHING)
        rig.wait_until_listed(tracker, "alice")


class Mistakes(Reload):
    """The daemon runs on with what it has, and says what is wrong, where, and what is allowed."""

    ROWS = (
        ("[Log]\nLevel=loud\n", 2, "Level=loud: must be error, warning, notice, info or debug"),
        ("[Log]\n\nLevle=info\n", 3, "Levle=: there is no such key in [Log], but Level="),
        ("[Lgo]\nLevel=info\n", 1, "[Lgo]: there is no such section, but [Control], [Node], "),
        ("[Log]\nLevel=info # quiet\n", 2, "a comment (# or ; behind a blank) must stand on"),
        ("[Log\nLevel=info\n", 1, "[Log: its ] is missing"),
        ("Level=info\n", 1, "Level= stands before any [Section]"),
        ("[Node]\nName=a:b\n", 2, "Name=a:b: this cannot be a name: 1 to 64 bytes"),
        ("[Node]\nListen=here\n", 2, "Listen=here: must be HOST:PORT"),
        ("[Node]\nAdvertise=h:0\n", 2, "Advertise=h:0: must be HOST:PORT"),
        ("[Node]\nStateDirectory=here\n", 2, "StateDirectory=here: must be an absolute path"),
        ("[Node]\nRole=boss\n", 2, "Role=boss: must be node or tracker"),
        ("[Tracker]\nUse=somewhere\n", 2, "Use=somewhere: must be HOST:PORT, PEERID@HOST:PORT"),
        ("[Classic]\nLongText=cut\n", 2, "LongText=cut: must be split or refuse"),
        ("[Chat]\nRequestTimeoutSec=0\n", 2, "RequestTimeoutSec=0: must be a time from 1s to 30d"),
        ("[Chat]\nAcceptFrom=bob\n", 2, "AcceptFrom=bob: must be a peer id: 56 characters"),
        ("[Limits]\nOutboxMessages=-1\n", 2, "OutboxMessages=-1: must be a number from 1 to"),
        ("[Limits]\nOutboxBytes=1K\n", 2, "OutboxBytes=1K: must be a size from 64K to 1T"),
        ("[Store]\nRetainDays=old\n", 2, "RetainDays=old: must be a number of days"),
        ("[Store]\nRetainBytes=1\n", 2, "RetainBytes=1: must be a size from 256K"),
        ("[Store]\nConsumerDays=99999\n", 2, "ConsumerDays=99999: must be a number of days"),
        ("[Metrics]\nListen=192.0.2.1:9\n", 2, "Listen=192.0.2.1:9: "),
        ("[Log]\nLevel=in\0fo\n", 2, "there is a NUL byte in this line"),
        ("[Log]\nLevel=info " + "x" * 300 + "\n", 2, "this line is longer than"),
        ("[Log]\nLevel=\x1b[31m\n", 2, "Level=<U+001B>[31m: must be"),
        (b"[Log]\nLevel=\xff\xfe\n", 2, "Level=<FF><FE>: must be"),
    )

    def test_each(self):
        alice = self.alone()
        before = alice.call("status")
        for content, line, says in self.ROWS:
            with self.subTest(says):
                self.write("alice.conf", content)
                self.assert_bad(alice, f"{alice.path}:{line}: {says}")
        alice.write()
        self.assertEqual(alice.reload(), NOTHING)
        after = alice.call("status")
        for same in ("name", "listen", "peer_id"):
            self.assertEqual(after[same], before[same])

    def test_all_at_once_by_the_client(self):
        """p2pchatctl prints a line for each, and ends with 1."""
        alice = self.alone()
        ctl = [rig.program("p2pchatctl"), f"--socket={alice.socket}"]
        self.write("alice.conf", "".join(part for part, _, _ in self.ROWS[:3]))
        done = subprocess.run([*ctl, "reload"], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 3)
        self.assertTrue(lines[0].startswith("p2pchatctl: nothing was changed: "))
        self.assertTrue(lines[0].endswith("; and there are more mistakes (bad_config)"))
        for line, part in zip(lines, ("Level=loud", "Levle=", "[Lgo]")):
            self.assertRegex(line, rf"{re.escape(alice.path)}:\d+: {re.escape(part)}")
        with open(self.path("journal"), "w+", encoding="utf-8") as journal:  # where the log goes
            about = os.fstat(journal.fileno())
            stream = {"JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino}"}
            done = subprocess.run([*ctl, "reload"], env=os.environ | stream, stderr=journal,
                                  check=False)
            journal.seek(0)
            self.assertEqual(journal.read(), "p2pchatctl: nothing was changed: p2pchatd's log says "
                                             "what is wrong (bad_config)\n")
        self.assertEqual(done.returncode, 1)
        alice.write(Node="Listen=127.0.0.2:0\n", Log="Level=debug\n")
        done = subprocess.run([*ctl, "reload"], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout, "changed:\n    Log.Level\n"
                                      "changed by a restart only:\n    Node.Listen\n")
        done = subprocess.run([*ctl, "--json", "reload"], capture_output=True, text=True,
                              check=True)
        self.assertEqual(done.stdout, '{"changed":[],"needs_restart":["Node.Listen"]}\n')

    def test_nothing_of_it_holds(self):
        alice = self.alone()
        alice.write(Node="Name=anna\n", Log="Level=debug\n", Limits="OutboxBytes=much\n")
        self.assert_bad(alice, "OutboxBytes=much")
        self.assertEqual(alice.call("identity")["name"], "alice")
        self.assertNotIn(" debug: ", alice.log())

    def test_signal(self):
        alice = self.alone()
        alice.write(Node="Name=anna\n")
        alice.hang_up()
        self.assertIn("read again; changed: Node.Name code=reloaded", alice.log())
        self.assertEqual(alice.call("identity")["name"], "anna")
        self.write("alice.conf", "[Log]\nLevel=loud\n")
        alice.hang_up()
        self.assertIn(f"error: {alice.path}:2: Level=loud: must be error, warning, notice, info "
                      "or debug code=reload_refused", alice.log())
        self.assertEqual(alice.call("identity")["name"], "anna")

    def test_many_signals(self):
        """However many come, it runs on, and what was written last holds in the end."""
        alice = self.alone()
        for round_ in range(100):
            alice.write(Node=f"Name=name-{round_}\n")
            alice.process.send_signal(signal.SIGHUP)
            if round_ % 10 == 0:
                alice.call("status")
        rig.wait_for(lambda: alice.call("identity")["name"] == "name-99", "the last name")

    @unittest.skipUnless(os.geteuid() == 0, "only root can be somebody else")
    def test_forbidden(self):
        alice = self.alone()
        os.chmod(self.top, 0o755)
        os.chmod(alice.socket, 0o666)  # as one of a group's would be
        os.seteuid(65534)
        try:
            client = alice.client()
        finally:
            os.seteuid(0)
        self.assert_refused("forbidden", client.call, "reload")


class NoFile(Reload):
    """Something else stands where the file was: nothing waits, nothing ends."""

    def make_pipe(self, path):
        os.mkfifo(path)

    def make_pipe_with_a_writer(self, path):
        os.mkfifo(path)
        descriptor = os.open(path, os.O_RDWR)
        self.addCleanup(os.close, descriptor)

    def make_directory(self, path):
        os.mkdir(path)

    def make_huge(self, path):
        with open(path, "wb") as file:
            file.truncate(1 << 40)

    def make_text_of_something_else(self, path):
        with open(path, "wb") as file:
            file.write(b"\x7fELF\0\n" * 100000)

    def make_device(self, path):
        os.symlink("/dev/zero", path)

    def make_terminal(self, path):
        controller, terminal = os.openpty()
        self.addCleanup(os.close, controller)
        os.symlink(os.ttyname(terminal), path)
        self.addCleanup(os.close, terminal)

    def make_loop(self, path):
        os.symlink(path, path)

    def make_socket(self, path):
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(path)

    def make_nothing(self, path):
        pass

    def take_away(self, path):
        if os.path.isdir(path) and not os.path.islink(path):
            os.rmdir(path)
        elif os.path.lexists(path):
            os.unlink(path)

    SAYS = {
        "pipe": "it is no regular file",
        "pipe_with_a_writer": "it is no regular file",
        "directory": "Is a directory",
        "huge": "it is larger than 1 MiB",
        "text_of_something_else": "there are 99950 more mistakes",
        "device": "it is no regular file",
        "terminal": "it is no regular file",
        "loop": "Too many levels of symbolic links",
        "socket": "No such device or address",
        "nothing": "No such file or directory",
    }

    def test_each(self):
        alice = self.alone()
        for kind, says in self.SAYS.items():
            with self.subTest(kind):
                self.take_away(alice.path)
                getattr(self, "make_" + kind)(alice.path)
                self.assert_bad(alice, says)
                alice.hang_up()
                self.assertEqual(alice.call("identity")["name"], "alice")
        self.take_away(alice.path)
        alice.write(Node="Name=anna\n")
        self.assert_changes(alice, "Node.Name")
        with open(alice.path, "wb") as file:  # an empty one means the defaults
            file.close()
        self.assertEqual(alice.reload()["changed"], ["Node.Name"])

    @unittest.skipUnless(os.geteuid() == 0, "root makes somebody who may not read")
    def test_not_readable(self):
        alice = Node(self.top, "alice")
        os.chmod(self.top, 0o755)
        os.mkdir(alice.state, 0o700)
        os.chown(alice.state, 65534, 65534)
        os.mkdir(self.path("run"), 0o700)
        os.chown(self.path("run"), 65534, 65534)
        alice.socket = self.path("run", "control.sock")
        os.chmod(alice.path, 0o644)
        command = alice.command
        alice.command = lambda *more: ["setpriv", "--reuid=65534", "--regid=65534",
                                       "--clear-groups", *command(*more)]
        self.addCleanup(self.end_well, alice)
        alice.start()
        os.chmod(alice.path, 0)
        self.assert_bad(alice, f"{alice.path}: cannot be read: Permission denied: let the user "
                               "of the daemon read it")
        os.chmod(alice.path, 0o644)
        self.assertEqual(alice.reload(), NOTHING)

    def test_default_file_comes_and_goes(self):
        """Without --config it may be missing: that means the defaults, as at a start."""
        alice = self.daemon("alice", "--listen=127.0.0.1:0")
        os.makedirs(self.path("etc", "p2pchat"))
        env = dict(os.environ, XDG_CONFIG_HOME=self.path("etc"),
                   CONFIGURATION_DIRECTORY=self.path("etc", "p2pchat"))
        with open(alice.log_path, "ab") as log:
            alice.process = subprocess.Popen(alice.command(), stderr=log, env=env,
                                             stdin=subprocess.DEVNULL)
        rig.wait_for(alice.try_client, "its control socket")
        self.assertEqual(alice.call("reload"), NOTHING)
        path = self.write(os.path.join("etc", "p2pchat", "p2pchatd.conf"), "[Log]\nLevel=debug\n")
        self.assertEqual(alice.call("reload")["changed"], ["Log.Level"])
        os.unlink(path)
        self.assertEqual(alice.call("reload")["changed"], ["Log.Level"])


class Check(rig.Test):
    def check(self, status, *options):
        done = subprocess.run([rig.program("p2pchatd"), "--check-config", *options],
                              capture_output=True, text=True, timeout=rig.DEADLINE_S, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stdout if status != 0 else done.stderr, "")
        return done.stderr if status != 0 else done.stdout

    def test_fine(self):
        path = self.write("c", "[Node]\nName=anna\n")
        for options in ((), ("--role=tracker",)):
            said = self.check(0, f"--config={path}", *options)
            self.assertTrue(said.startswith(f"{path} is fine\nnot looked at, "), said)
        self.assertEqual(os.listdir(self.top), ["c"])  # nothing was made

    def test_mistakes(self):
        rows = Mistakes.ROWS
        path = self.write("c", rows[0][0] + rows[1][0])
        self.assertEqual(self.check(78, f"--config={path}"),
                         f"{path}:2: {rows[0][2]}\n{path}:5: {rows[1][2]}\n")
        said = self.check(64, f"--config={path}", "--listen=x", "--nonsense")
        for part in ("--nonsense: there is no such option", "--listen=x: must be HOST:PORT",
                     f"{path}:2: {rows[0][2]}\n", f"{path}:5: {rows[1][2]}\n"):
            self.assertIn(part, said)
        self.assertIn("cannot be read: No such file", self.check(78, "--config=/nonexistent"))

    def test_what_a_start_says(self):
        """The same mistakes as a start."""
        for content, line, says in Mistakes.ROWS:
            with self.subTest(says):
                path = self.write("c", content)
                self.assertIn(f"{path}:{line}: {says}", self.check(78, f"--config={path}"))


if __name__ == "__main__":
    rig.main()
