"""How p2pchatd starts as a tracker, refuses to, and what its control socket knows then (p2pchatd(8),
p2pchatd.conf(5))."""

import os
import signal
import socket
import stat
import subprocess

import rig

NOBODY = 65534
PORTS = 28470, 28471  # of a node and of a tracker, when nobody says otherwise
LISTED = {"identity", "status", "metrics", "doctor", "listpeer", "reload", "shutdown", "rpc.discover"}


def is_free(port):
    try:
        socket.create_server(("", port)).close()
        return True
    except OSError:
        return False


class Options(rig.Test):
    def refuses(self, status, what, *options):
        done = subprocess.run([rig.program("p2pchatd"), "--role=tracker", *options],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=rig.DEADLINE_S, check=False)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertIn(what, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_what_is_for_nodes(self):
        self.refuses(64, "--tracker=a.example:1: a tracker has no use for it",
                     "--tracker=a.example:1")
        for section, line in (("Tracker", "Use=a.example:1"), ("Chat", "RequestTimeoutSec=5"),
                              ("Limits", "OutboxBytes=1M"), ("Store", "RetainDays=7"),
                              ("Classic", "LongText=refuse")):
            path, key = self.write("c", f"[{section}]\n{line}\n"), line.partition("=")[0]
            self.refuses(78, f"{path}:2: {key}=: a tracker has no use for it", "-c", path)

    def test_values(self):
        self.refuses(64, "--advertise=a.example: must be HOST:PORT", "--advertise=a.example")
        self.refuses(64, "--advertise=a.example:0: must be HOST:PORT", "--advertise=a.example:0")
        self.refuses(64, "nobody can be reached there", "--advertise=0.0.0.0:1")
        self.refuses(64, "--classic-listen=1: must be HOST:PORT", "--classic-listen=1")
        self.refuses(64, "--role=boss: must be node or tracker", "--role=boss")
        path = self.write("c", "[Node]\nRole=boss\n")
        self.refuses(78, f"{path}:2: Role=boss: must be node or tracker", "-c", path)


class Start(rig.People):
    def a_tracker(self, name="tracker", *options):
        tracker = rig.Tracker(self.top, name, *options)
        self.addCleanup(tracker.clean_up)
        return tracker

    def refuses(self, daemon, status, what):
        code, said = daemon.refusal()
        self.assertEqual(code, status, said)
        self.assertIn(what, said.splitlines()[-1])

    def test_starts_and_ends(self):
        tracker = self.a_tracker()
        client = tracker.start()
        status = client.call("status")
        self.assertEqual((status["role"], status["name"]), ("tracker", "tracker"))
        self.assertRegex(status["listen"][0], r"^127\.0\.0\.1:[1-9]\d*$")
        self.assertEqual((status["classic_listen"], status["trackers"], status["registered"]),
                         ([], [], 0))
        self.assertIn(f"ready as a tracker: tracker, peer id {status['peer_id']}", tracker.log())
        self.assertEqual(client.call("shutdown"), {"socket_stays": False})
        self.assertEqual(tracker.process.wait(rig.DEADLINE_S), 0)
        self.assertFalse(os.path.exists(tracker.socket))

        # It is the same, at the same place, however it ended.
        self.assertEqual(tracker.start().call("status")["listen"], status["listen"])
        self.assertEqual(tracker.end(signal.SIGKILL), -signal.SIGKILL)
        after = tracker.start().call("status")
        self.assertEqual((after["peer_id"], after["listen"]),
                         (status["peer_id"], status["listen"]))
        self.assertEqual(tracker.end(signal.SIGINT), 0)

    def test_role_in_the_file(self):
        path = self.write("c", "[Node]\nRole=tracker\nListen=127.0.0.1:0\n")
        tracker = self.daemon("tracker", "--config=" + path)
        self.assertEqual(tracker.start().call("status")["role"], "tracker")
        self.assertEqual(tracker.end(), 0)
        tracker.options = (*tracker.options, "--role=node")
        self.assertEqual(tracker.start().call("status")["role"], "node")
        self.assertEqual(tracker.end(), 0)

    def test_its_methods(self):
        tracker = self.tracker()
        node = self.person("alice")
        own = {method["name"] for method in tracker.call("rpc.discover")["methods"]}
        self.assertEqual(own, LISTED)
        others = {method["name"] for method in node.call("rpc.discover")["methods"]} - own
        self.assertIn("chat.message", others)
        for method in sorted(others):
            with self.subTest(method), self.assertRaises(rig.Refused) as refused:
                tracker.call(method)
            self.assertEqual(refused.exception.name, "method_not_found")
            self.assertIn("this is a tracker", refused.exception.message)

    def test_its_address(self):
        tracker = self.a_tracker("tracker", "--listen=127.0.0.1:0", "--advertise=t.example.org:443",
                                 "--advertise=[2001:db8::1]:443")
        identity = tracker.start().call("identity")
        self.assertEqual(identity["address"],
                         f"p2pchat:{identity['peer_id']}@t.example.org:443?name=tracker")
        self.assertEqual(tracker.end(), 0)

    def test_classic_listeners(self):
        tracker = self.a_tracker("tracker", "--listen=127.0.0.1:0", "--classic-listen=127.0.0.1:0",
                                 "--classic-listen=127.0.0.2:0")
        status = tracker.start().call("status")
        self.assertEqual([at.rpartition(":")[0] for at in status["classic_listen"]],
                         ["127.0.0.1", "127.0.0.2"])
        for at in status["classic_listen"] + status["listen"]:
            host, _, port = at.rpartition(":")
            socket.create_connection((host, int(port))).close()
        self.assertIn(f"classic, insecure, on {status['classic_listen'][0]}, ", tracker.log())
        self.assertEqual(tracker.end(), 0)
        self.assertEqual(tracker.start().call("status")["classic_listen"], status["classic_listen"])
        self.assertEqual(tracker.end(), 0)

    def test_places_that_are_taken(self):
        tracker, second = self.a_tracker(), self.a_tracker("second")
        tracker.start()
        second.state = tracker.state
        self.refuses(second, 69, f"held by another daemon (process {tracker.process.pid})")
        self.assertEqual(tracker.end(), 0)

        with socket.create_server(("127.0.0.1", 0)) as taken:
            where = f"127.0.0.1:{taken.getsockname()[1]}"
            self.refuses(self.a_tracker("third", f"--listen={where}"), 69,
                         f"{where} is in use: another program listens there; stop it or give "
                         "another --listen")
            self.refuses(self.a_tracker("fourth", "--listen=127.0.0.1:0",
                                        f"--classic-listen={where}"), 69,
                         "stop it or give another --classic-listen")

    def test_state_directory_of_a_node(self):
        alice, bob = self.pair()
        alice.end(), bob.end()
        tracker = self.a_tracker()
        tracker.state = alice.state
        self.refuses(tracker, 78, f"{alice.state}: here a node keeps its contacts")
        alice.start()
        self.assertEqual(len(alice.call("contact.list")["contacts"]), 1)

    def test_what_is_lost_is_told(self):
        tracker = self.a_tracker()
        tracker.start()
        self.assertEqual(tracker.end(), 0)
        for name in os.listdir(tracker.state):
            if name.startswith("p2pchat.db"):
                os.unlink(os.path.join(tracker.state, name))
        tracker.start()
        self.assertEqual(tracker.end(), 0)
        self.assertIn("no database: the names that are reserved are gone", tracker.log())


class Defaults(rig.Test):
    """A node and a tracker of one user, who says nothing but the role."""

    def setUp(self):
        super().setUp()
        self.environment = {"HOME": self.path("home"), "XDG_RUNTIME_DIR": self.path("run"),
                            "XDG_CONFIG_HOME": self.path("config"),
                            "XDG_STATE_HOME": self.path("state"), "PATH": os.environ["PATH"]}
        for name in ("home", "run", "config", "state"):
            os.mkdir(self.path(name))
        self.user = {}
        if os.geteuid() == 0:  # whose defaults are the system's
            self.user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            for root, _, _ in os.walk(self.top):
                os.chown(root, NOBODY, NOBODY)
        if not all(map(is_free, PORTS)):
            self.skipTest("somebody has the ports")

    def spawn(self, folder, *options):
        daemon = self.daemon(folder)
        daemon.socket = self.path("run", folder, "control.sock")
        with open(daemon.log_path, "ab") as log:
            try:
                daemon.process = subprocess.Popen(
                    [rig.program("p2pchatd"), *options], stderr=log, stdin=subprocess.DEVNULL,
                    env=self.environment, **self.user)
            except PermissionError:
                self.skipTest("nobody may run what was built here")
        return daemon

    def test_beside_each_other(self):
        os.mkdir(self.path("config", "p2pchat-tracker"))
        self.write("config/p2pchat-tracker/tracker.conf", "[Node]\nName=friends\n", 0o644)
        for root, _, _ in os.walk(self.path("config")):
            os.chmod(root, 0o755)
        node, tracker = self.spawn("p2pchat"), self.spawn("p2pchat-tracker", "--role=tracker")
        roles = {}
        for daemon, port in zip((node, tracker), PORTS):
            client = rig.wait_for(daemon.try_client, f"{daemon.name}'s control socket")
            status = client.call("status")
            roles[status["role"]] = status["name"]
            self.assertTrue(status["listen"][0].endswith(f":{port}"), status)
            state = self.path("state", daemon.name)
            self.assertTrue(os.path.exists(os.path.join(state, "identity.key")))
            self.assertEqual(stat.S_IMODE(os.stat(state).st_mode), 0o700)
        self.assertEqual(set(roles), {"node", "tracker"})
        self.assertEqual(roles["tracker"], "friends")
        for daemon in (node, tracker):
            self.assertEqual(daemon.end(), 0, daemon.log())


if __name__ == "__main__":
    rig.main()
