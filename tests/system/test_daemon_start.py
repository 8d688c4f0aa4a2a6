"""How p2pchatd starts, refuses to start, and ends (p2pchatd(8), Exit status)."""

import contextlib
import os
import re
import resource
import signal
import socket
import stat
import subprocess
import time

import rig


def run(*command, **environment):
    """(exit status, standard output, standard error) of a daemon that should end by itself."""
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith(("XDG_", "STATE_", "LISTEN_", "NOTIFY_", "JOURNAL_"))}
    done = subprocess.run([rig.program("p2pchatd"), *command], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=rig.DEADLINE_S,
                          env={**clean, **environment})
    return done.returncode, done.stdout, done.stderr


class Options(rig.Test):
    def refuses(self, status, what, *command, **environment):
        code, out, err = run(*command, **environment)
        self.assertEqual((code, out), (status, ""), err)
        self.assertIn(what, err)
        self.assertEqual(err.count("\n"), 1, err)

    def test_help_and_version(self):
        code, out, err = run("--help")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("--listen=HOST:PORT", out)
        code, out, err = run("--version")
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"^p2pchatd \d+\.\d+\.\d+\n$")

    def test_bad_options(self):
        self.refuses(64, "--trackers: there is no such option", "--trackers")
        self.refuses(64, "--listen=x: must be HOST:PORT", "--listen=x")
        self.refuses(64, "--role=boss: must be node or tracker", "--role=boss")
        self.refuses(64, "this cannot be a name", "--name=a:b")

    def test_no_place_for_the_socket(self):
        if os.geteuid() == 0:
            self.skipTest("root has a place for it")
        self.refuses(64, "give --socket=PATH", "-d", self.path("state"))

    def test_bad_configuration(self):
        path = self.write("c", "# fine\n[Node]\nName=alice\nNmae=bob\n")
        self.refuses(78, f"{path}:4: Nmae=: there is no such key in [Node]", "-c", path)
        path = self.write("c", "[Node]\nRole=boss\n")
        self.refuses(78, f"{path}:2: Role=boss: must be node or tracker", "-c", path)
        self.refuses(78, "cannot be read: No such file", "-c", self.path("missing"))


class Start(rig.Test):
    def refuses(self, daemon, status, what, *more):
        daemon.spawn(*more)
        self.assertEqual(daemon.process.wait(rig.DEADLINE_S), status, daemon.log())
        self.assertIn(what, daemon.log().splitlines()[-1])

    def test_starts_and_ends(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            alice = self.daemon("alice")
            status = alice.start().call("status")
            self.assertEqual(status["name"], "alice")
            self.assertRegex(status["listen"][0], r"^127\.0\.0\.1:[1-9]\d*$")
            self.assertIn(f"peer id {status['peer_id']}", alice.log())
            self.assertEqual(alice.end(number), 0)
            self.assertFalse(os.path.exists(alice.socket))

    def test_configuration_file(self):
        path = self.write("c", f"[Node]\nListen=127.0.0.1:0\nName=filed\n"
                               f"StateDirectory={self.path('s')}\n"
                               f"[Control]\nSocket={self.path('filed.sock')}\n")
        daemon = self.daemon("filed")
        daemon.command = lambda *more: [rig.program("p2pchatd"), f"--config={path}", *more]
        self.assertEqual(daemon.start().call("identity")["name"], "filed")
        self.assertTrue(os.path.exists(self.path("s", "identity.key")))
        self.assertEqual(daemon.end(), 0)

    def test_what_is_made_is_private(self):
        alice = self.daemon("alice")
        alice.start()
        self.assertEqual(stat.S_IMODE(os.stat(alice.state).st_mode), 0o700)
        for name in os.listdir(alice.state):
            mode = stat.S_IMODE(os.stat(os.path.join(alice.state, name)).st_mode)
            self.assertEqual(mode, 0o600, name)
        self.assertEqual(alice.end(), 0)

    def test_same_identity_and_port_again(self):
        alice = self.daemon("alice")
        before = alice.start().call("status")
        self.assertEqual(alice.end(signal.SIGKILL), -signal.SIGKILL)
        after = alice.start().call("status")
        self.assertEqual((before["peer_id"], before["listen"]), (after["peer_id"], after["listen"]))
        self.assertEqual(alice.end(), 0)

        # The port is taken meanwhile: another one, rather than none.
        host, port = before["listen"][0].split(":")
        with socket.create_server((host, int(port))):
            third = alice.start().call("status")
            self.assertNotEqual(third["listen"], before["listen"])
            self.assertEqual(alice.end(), 0)

    def test_dual_stack(self):
        alice = self.daemon("alice", "--listen=[::]:0")
        status = alice.start().call("status")
        port = int(re.fullmatch(r"(?:\[::\]|0\.0\.0\.0):(\d+)", status["listen"][0]).group(1))
        socket.create_connection(("127.0.0.1", port)).close()
        if status["listen"][0].startswith("["):
            socket.create_connection(("::1", port)).close()
        self.assertEqual(alice.end(), 0)

    def test_several_listeners(self):
        try:
            socket.getaddrinfo("localhost", None)
            third = "localhost"
        except socket.gaierror:  # a bare root may have no /etc/hosts
            third = "127.0.0.3"
        alice = self.daemon("alice", "--listen=127.0.0.1:0", "--listen=127.0.0.2:0",
                            f"--listen={third}:0")
        listen = alice.start().call("status")["listen"]
        self.assertTrue(listen[0].startswith("127.0.0.1:") and listen[1].startswith("127.0.0.2:"))
        self.assertGreaterEqual(len(listen), 3)
        for at in listen:
            host, _, port = at.rpartition(":")
            socket.create_connection((host.strip("[]"), int(port))).close()
        self.assertEqual(alice.end(), 0)

    def test_state_directory_is_held(self):
        alice, second = self.daemon("alice"), self.daemon("second")
        alice.start()
        second.state = alice.state
        self.refuses(second, 69, f"held by another daemon (process {alice.process.pid})")
        self.assertEqual(alice.end(), 0)

    def test_port_is_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            where = f"127.0.0.1:{taken.getsockname()[1]}"
            self.refuses(self.daemon("alice", f"--listen={where}"), 69, f"{where} is in use")

    def test_port_is_not_allowed(self):
        """Not even root may have it without the capability."""
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as first:
            if int(first.read()) <= 1:
                self.skipTest("every port is allowed here")
        less = []
        if os.geteuid() == 0:
            less = ["setpriv", "--inh-caps=-net_bind_service", "--bounding-set=-net_bind_service"]
        done = subprocess.run([*less, rig.program("p2pchatd"), "--listen=127.0.0.1:1", "--name=x",
                               f"--state-dir={self.path('x')}", f"--socket={self.path('s', 's')}"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=rig.DEADLINE_S, check=False)
        self.assertEqual(done.returncode, 77, done.stderr)
        self.assertIn("127.0.0.1:1 cannot be listened on: Permission denied; see p2pchatd(8), "
                      "ports below 1024", done.stderr)

    def test_address_is_not_ours(self):
        self.refuses(self.daemon("alice", "--listen=192.0.2.1:0"), 69, "192.0.2.1:0 cannot be")
        self.refuses(self.daemon("bob", "--listen=no.such.host.invalid:0"), 69,
                     "no.such.host.invalid: this host to listen on is not known")

    def test_state_cannot_be_made(self):
        alice = self.daemon("alice")
        alice.state = "/proc/p2pchat"
        self.refuses(alice, 74, "/proc/p2pchat: cannot be made")
        if os.path.ismount("/sys"):  # not in every bare root
            alice.state = "/sys/p2pchat"
            self.refuses(alice, 77, "/sys/p2pchat: cannot be made")

    def test_state_directory_of_others(self):
        alice = self.daemon("alice")
        os.mkdir(alice.state)
        os.chmod(alice.state, 0o777)
        self.refuses(alice, 78, "others can write to the state directory")
        if os.geteuid() == 0:
            os.chmod(alice.state, 0o700)
            os.chown(alice.state, 12345, 12345)
            self.refuses(alice, 78, "belongs to user 12345")

    def test_identity(self):
        alice = self.daemon("alice")
        alice.start()
        self.assertEqual(alice.end(), 0)
        key = os.path.join(alice.state, "identity.key")
        with open(key, "rb") as file:
            content = file.read()

        os.chmod(key, 0o644)
        self.refuses(alice, 78, "identity.key: can be read or written by others")
        os.rename(key, key + ".away")
        self.refuses(alice, 78, "identity.key: is missing, but there is a database")
        os.symlink(key + ".away", key)
        self.refuses(alice, 78, "identity.key: is a symbolic link")
        os.unlink(key)
        self.write("alice/identity.key", content[:-10])
        self.refuses(alice, 78, "identity.key: is damaged")

        bob = self.daemon("bob")
        bob.start()
        self.assertEqual(bob.end(), 0)
        os.replace(os.path.join(bob.state, "identity.key"), key)
        self.refuses(alice, 78, "p2pchat.db")

    def test_what_is_new_is_told(self):
        made, gone = "a new identity was made, peer id ", "contacts and history are gone"
        alice = self.daemon("alice")
        peer_id = alice.start().call("identity")["peer_id"]
        self.assertEqual(alice.end(), 0)
        self.assertIn(made + peer_id, alice.log())
        self.assertNotIn(gone, alice.log())

        alice.start()
        self.assertEqual(alice.end(), 0)
        self.assertEqual(alice.log().count(made), 1)
        self.assertNotIn(gone, alice.log())

        for name in os.listdir(alice.state):
            if name.startswith("p2pchat.db"):
                os.unlink(os.path.join(alice.state, name))
        alice.start()
        self.assertEqual(alice.end(), 0)
        self.assertEqual(alice.log().count(made), 1)
        self.assertIn(gone, alice.log())

    def test_a_start_that_fails_loses_nothing(self):
        """Somebody who mends the first start is not told that something is gone."""
        alice = self.daemon("alice")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.refuses(alice, 69, "is in use",
                         f"--listen=127.0.0.1:{taken.getsockname()[1]}")
        alice.start()
        self.assertEqual(alice.end(), 0)
        self.assertIn("a new identity was made", alice.log())
        self.assertNotIn("contacts and history are gone", alice.log())

    def test_database_is_damaged(self):
        alice = self.daemon("alice")
        alice.start()
        self.assertEqual(alice.end(), 0)
        for name in os.listdir(alice.state):
            if name.startswith("p2pchat.db-"):  # or SQLite would restore all from its journal
                os.unlink(os.path.join(alice.state, name))
        self.write("alice/p2pchat.db", b"this is no database\n" * 1000)
        self.refuses(alice, 78, "p2pchat.db")

    def test_hangup_does_not_end_it(self):
        alice = self.daemon("alice")
        client = alice.start()
        alice.process.send_signal(signal.SIGHUP)
        rig.wait_for(lambda: "the configuration was read again" in alice.log(), "a line in the log")
        self.assertEqual(client.call("status")["name"], "alice")
        self.assertEqual(alice.end(), 0)


class Service(rig.Test):
    """What systemd hands over and hears."""

    def test_ready_and_stopping(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(self.path("notify"))
            notify.settimeout(rig.DEADLINE_S)
            os.environ["NOTIFY_SOCKET"] = self.path("notify")
            self.addCleanup(os.environ.pop, "NOTIFY_SOCKET")
            alice = self.daemon("alice")
            alice.start()
            self.assertEqual(b"STATUS=Opening the log", notify.recv(4096))
            self.assertEqual(b"READY=1\nSTATUS=0 links, 0 contacts, 0 queued; log ok",
                             notify.recv(4096))
            self.assertEqual(alice.end(), 0)
            self.assertIn(b"STOPPING=1\n", notify.recv(4096))

    @contextlib.contextmanager
    def manager(self):
        """Whom daemons tell how they do."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(self.path("notify"))
            notify.settimeout(rig.DEADLINE_S)
            os.environ["NOTIFY_SOCKET"] = self.path("notify")
            self.addCleanup(os.environ.pop, "NOTIFY_SOCKET")
            yield notify

    def fill(self):
        """Says more than there is room for, where nobody reads."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    other.sendto(b"full", self.path("notify"))

    def wait_for_word(self, notify, word):
        while word not in notify.recv(4096):
            pass

    def test_ready_is_true(self):
        """At the moment of READY=1, after which it gets no further."""
        with self.manager() as notify:
            alice = self.daemon("alice")
            alice.spawn()
            self.wait_for_word(notify, b"READY=1")
            alice.process.send_signal(signal.SIGSTOP)
            with open(os.path.join(alice.state, "ports"), encoding="utf-8") as ports:
                host, _, port = ports.read().strip().rpartition(":")
            socket.create_connection((host, int(port))).close()
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(alice.socket)
            alice.process.send_signal(signal.SIGCONT)
            self.assertEqual(alice.client().call("status")["log"]["state"], "ok")
            self.assertEqual(alice.end(), 0)

    def test_nobody_reads_what_is_notified(self):
        """Nothing waits for it, and what matters is told again."""
        with self.manager() as notify:
            self.fill()
            alice = self.daemon("alice")
            alice.start()
            self.wait_for_word(notify, b"READY=1\n")
            self.fill()
            alice.process.send_signal(signal.SIGHUP)
            rig.wait_for(lambda: "configuration was read again" in alice.log(), "the reload")
            alice.call("status")
            self.wait_for_word(notify, b"READY=1\n")
            self.fill()
            self.assertEqual(alice.end(), 0)

    def spawn_with(self, daemon, *passed):
        """Starts it as systemd would, with what is passed as descriptors from 3 on."""
        high = " ".join(f"{100 + i}<&{one.fileno()}" for i, one in enumerate(passed))
        low = " ".join(f"{3 + i}<&{100 + i} {100 + i}<&-" for i in range(len(passed)))
        places = f"{high} {low}"  # what stands at 3 may be one of them
        script = f'LISTEN_PID=$$ LISTEN_FDS={len(passed)} exec "$@" {places}'
        command = [program for program in daemon.command() if not program.startswith("--socket")]
        with open(daemon.log_path, "ab") as log:
            daemon.process = subprocess.Popen(["bash", "-c", script, "sh", *command], stderr=log,
                                              pass_fds=[one.fileno() for one in passed])

    def test_control_socket_is_passed(self):
        alice = self.daemon("alice")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(alice.socket)
            listening.listen()
            self.spawn_with(alice, listening)
            self.assertEqual(alice.client().call("status")["name"], "alice")
            self.assertEqual(alice.end(), 0)
            self.assertTrue(os.path.exists(alice.socket))

    def test_sockets_for_peers_are_passed(self):
        """They take the place of what is configured; what waits in them is served, also by the
        daemon after this one."""
        alice, bob = self.daemon("alice"), self.daemon("bob")
        with socket.socket(socket.AF_UNIX) as control, \
             socket.create_server(("127.0.0.1", 0)) as peers, \
             socket.create_server(("::1", 0), family=socket.AF_INET6) as more:
            control.bind(alice.socket)
            control.listen()
            places = [f"127.0.0.1:{peers.getsockname()[1]}", f"[::1]:{more.getsockname()[1]}"]
            waits = socket.create_connection(peers.getsockname())
            self.spawn_with(alice, peers, control, more)
            self.assertEqual(alice.client().call("status")["listen"], places)
            self.assertIn("systemd passed sockets for peers: Listen= of [Node] is not used",
                          alice.log())
            bobs = bob.start()
            for place in places:
                asked = bobs.call("chat.request", to=place)
                self.assertEqual(asked["peer_id"], alice.client().call("identity")["peer_id"])
            self.assertEqual(alice.end(), 0)
            waits.close()
            self.spawn_with(alice, peers, control, more)
            self.assertEqual(alice.client().call("status")["listen"], places)
            rig.wait_for(lambda: bobs.call("status")["links"] == 1, "a link with the next daemon")
            self.assertEqual(alice.end(), 0)

    def test_something_else_is_passed(self):
        alice = self.daemon("alice")
        with open("/dev/null", "rb") as null:
            self.spawn_with(alice, null)
        self.assertEqual(alice.process.wait(rig.DEADLINE_S), 78)
        self.assertIn("is neither a listening Unix stream socket", alice.log())

    def test_lines_for_the_journal(self):
        path = self.write("journal", b"")
        with open(path, "ab") as stream:
            about = os.fstat(stream.fileno())
            subprocess.run([rig.program("p2pchatd"), "--bogus"], stderr=stream, check=False,
                           env={**os.environ, "JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino}"})
        with open(path, encoding="utf-8") as stream:
            self.assertTrue(stream.read().startswith("<3>--bogus: "))


class Descriptors(rig.Test):
    def test_none_is_left(self):
        """More connections than descriptors: those that were there go on, the loop does not spin,
        and it takes new ones when there is room again."""
        alice = self.daemon("alice")
        client = alice.start()
        port = int(client.call("status")["listen"][0].split(":")[1])
        resource.prlimit(alice.process.pid, resource.RLIMIT_NOFILE, (64, 64))
        crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
        rig.wait_for(lambda: "accepting rests" in alice.log(), "a line in the log")

        before = os.times().elapsed, self.processor_s(alice)
        rig.wait_for(lambda: os.times().elapsed > before[0] + 0.5, "half a second")
        self.assertLess(self.processor_s(alice) - before[1], 0.25)
        self.assertEqual(client.call("status")["name"], "alice")
        for one in crowd:
            one.close()
        rig.wait_for(lambda: alice.try_client(), "a descriptor for a client").call("status")
        self.assertEqual(alice.log().count("accepting rests"), 1)
        self.assertEqual(alice.end(), 0)

    def test_some_are_kept_for_clients(self):
        """Whoever fills the daemon from outside does not shut its owner out."""
        alice = self.daemon("alice")
        program = alice.command
        alice.command = lambda *more: ["sh", "-c", 'ulimit -n 100; exec "$@"', "sh",
                                       *program(*more)]
        port = int(alice.start().call("status")["listen"][0].split(":")[1])
        crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
        rig.wait_for(lambda: "carriers are open: more are closed" in alice.log(), "a line")
        self.assertEqual(alice.client().call("status")["name"], "alice")
        for one in crowd:
            one.close()
        self.assertNotIn("accepting rests", alice.log())
        self.assertEqual(alice.end(), 0)

    @staticmethod
    def processor_s(daemon):
        with open(f"/proc/{daemon.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    rig.main()
