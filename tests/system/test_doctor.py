"""doctor: each check is made to fail once, by what really makes it fail, and says what to do."""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess

import rig

GENERAL = ["configuration", "permissions", "socket", "disk", "clock", "limits", "listening", "dns"]
OF_NODES = ["reachability", "trackers"]
OF_PEERS = ["consent", "link", "address", "record", "queue"]


class Doctor(rig.People):
    def checks(self, daemon, **parameters):
        """[(name, ok, message)]"""
        return [(check["name"], check["ok"], check["message"])
                for check in daemon.call("doctor", **parameters)["checks"]]

    def finds(self, name, ok, what, daemon, **parameters):
        """Whether one of the findings of that name is so."""
        found = [(good, message) for check, good, message in self.checks(daemon, **parameters)
                 if check == name]
        self.assertTrue(any(good == ok and what in message for good, message in found), found)

    def problem(self, name, what, daemon, **parameters):
        self.finds(name, False, what, daemon, **parameters)

    def well(self, name, what, daemon, **parameters):
        self.finds(name, True, what, daemon, **parameters)

    def ctl(self, daemon, *words):
        done = subprocess.run([rig.program("p2pchatctl"), f"--socket={daemon.socket}", *words],
                              capture_output=True, text=True, timeout=rig.DEADLINE_S, check=False)
        return done.returncode, done.stdout, done.stderr


class Well(Doctor):
    def test_a_node(self):
        alice = self.person("alice")
        checks = self.checks(alice)
        self.assertEqual([name for name, _, _ in checks], GENERAL + OF_NODES)
        self.assertEqual([check for check in checks if not check[1]], [])
        status, out, err = self.ctl(alice, "doctor")
        self.assertEqual((status, err), (0, ""))
        self.assertEqual([line.split()[:2] for line in out.splitlines()],
                         [["ok", name] for name in GENERAL + OF_NODES])

    def test_a_tracker(self):
        tracker = self.tracker()
        checks = self.checks(tracker)
        self.assertEqual([name for name, _, _ in checks], GENERAL)
        self.assertEqual([check for check in checks if not check[1]], [])

    def test_each_place(self):
        alice = self.person("alice", "--listen=[::]:0", "--classic-listen=127.0.0.1:0")
        status = alice.call("status")
        for place in status["listen"] + status["classic_listen"]:
            self.well("listening", f"{place} accepts", alice)

    def test_of_a_peer(self):
        alice, bob = self.pair()
        rig.wait_for(lambda: alice.call("chat.connected")["peers"][0]["online"], "a link")
        checks = self.checks(alice, peer="bob")
        self.assertEqual([name for name, _, _ in checks], GENERAL + OF_NODES + OF_PEERS)
        self.assertEqual([check for check in checks if not check[1]], [])
        self.well("consent", "not verified yet ('contact verify bob')", alice, peer="bob")
        self.well("link", "up for ", alice, peer="bob")
        self.well("address", bob.address(), alice, peer="bob")


class Host(Doctor):
    def test_configuration(self):
        path = self.write("c", "[Log]\nLevel=info\n")
        alice = self.person("alice", f"--config={path}")
        self.well("configuration", f"{path} has no mistakes", alice)
        self.write("c", "[Log]\nLevel=debug\n[Control]\nSocket=/elsewhere\n")
        self.well("configuration", "'p2pchatctl reload' would change Log.Level", alice)
        self.write("c", "[Log]\nLevel=loud\n[Nod]\nName=x\n")
        self.problem("configuration", f"{path}:2: Level=loud: must be", alice)
        self.problem("configuration", f"{path}:3: ", alice)
        status, out, err = self.ctl(alice, "doctor")
        self.assertEqual(status, 1, out)
        self.assertIn("PROBLEM  configuration  ", out)
        self.assertEqual(err, f"p2pchatctl: 1 of {len(GENERAL + OF_NODES)} checks found a problem\n")
        os.unlink(path)
        self.problem("configuration", path, alice)

    def test_key(self):
        alice, bob = self.person("alice"), self.person("bob")
        key = os.path.join(alice.state, "identity.key")
        os.chmod(key, 0o644)
        self.problem("permissions", f"{key}: can be read or written by others", alice)
        shutil.copyfile(os.path.join(bob.state, "identity.key"), key)
        os.chmod(key, 0o600)
        self.problem("permissions", f"{key}: holds another identity", alice)
        os.unlink(key)
        self.problem("permissions", f"{key}: is missing", alice)
        self.assertFalse(os.path.exists(key))

    def test_state_directory(self):
        alice = self.person("alice")
        database = os.path.join(alice.state, "p2pchat.db")
        os.chmod(database, 0o640)
        self.problem("permissions", f"{database}: can be read or written by others", alice)
        os.chmod(database, 0o600)
        os.chmod(alice.state, 0o770)
        self.problem("permissions", "others can write to the state directory", alice)
        os.chmod(alice.state, 0o700)
        self.well("permissions", alice.state, alice)
        os.rename(alice.state, alice.state + ".away")
        self.problem("permissions", alice.state, alice)
        os.mkdir(alice.state, 0o700)
        self.problem("permissions", "is another directory", alice)
        os.rmdir(alice.state)
        os.rename(alice.state + ".away", alice.state)

    def test_socket(self):
        alice = self.person("alice")
        client = alice.client()  # comes in before anything happens to it

        def message():
            return [check for check in client.call("doctor")["checks"] if check["name"] == "socket"]

        os.chmod(alice.socket, 0o666)
        self.assertIn("every user of this host", message()[0]["message"])
        os.rename(alice.socket, alice.socket + ".away")
        self.assertIn("no client finds the daemon there", message()[0]["message"])
        self.write("alice.sock", "")
        self.assertIn("something else stands", message()[0]["message"])
        self.assertFalse(message()[0]["ok"])

    def test_disk_that_is_full(self):
        alice, bob = self.pair()
        wal = os.path.getsize(os.path.join(alice.state, "p2pchat.db-wal"))
        resource.prlimit(alice.process.pid, resource.RLIMIT_FSIZE,
                         (wal + (64 << 10), resource.RLIM_INFINITY))
        with self.assertRaises(rig.Refused):
            for _ in range(1000):
                alice.call("chat.message", peer="bob", text="x" * 4000)
        self.problem("disk", "there is no room for the log (writing: ", alice)
        resource.prlimit(alice.process.pid, resource.RLIMIT_FSIZE,
                         (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def test_database_that_is_away(self):
        """What is open is not what the next start would find."""
        alice = self.person("alice")
        database = os.path.join(alice.state, "p2pchat.db")
        for name in (database, f"{database}-wal"):
            os.rename(name, f"{name}.away")
            self.problem("disk", f"{database} was moved, replaced or removed", alice)
            shutil.copyfile(f"{name}.away", name)
            self.problem("disk", "save what there is (history --export)", alice)
            os.rename(f"{name}.away", name)
            self.well("disk", "the log works", alice)

    def test_disk_that_is_nearly_full(self):
        place = self.path("alice")
        if os.geteuid() != 0:
            self.skipTest("only root may mount a small file system")
        os.mkdir(place, 0o700)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16M,mode=700", "none", place],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            self.skipTest(f"no file system can be mounted here: {done.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", place], check=True)
        alice = self.person("alice")
        self.problem("disk", f"MiB are free of 16.0 MiB where {place} is", alice)

    def test_descriptors(self):
        """Of a few that it may have nearly all are open."""
        alice = self.person("alice")
        used = alice.descriptors()
        resource.prlimit(alice.process.pid, resource.RLIMIT_NOFILE, (used + 3, used + 3))
        client = alice.clients[0]  # from before
        message = [check for check in client.call("doctor")["checks"]
                   if check["name"] == "limits"][0]
        self.assertFalse(message["ok"], message)
        self.assertIn(f"of {used + 3} descriptors are open", message["message"])


class Trackers(Doctor):
    def test_one_that_goes_away(self):
        tracker = self.tracker()
        at = tracker.address()
        alice = self.member("alice", tracker)
        self.well("trackers", f"{at} lists this node", alice)
        rig.wait_for(lambda: alice.call("status")["trackers"][0]["reachable"],
                     "the tracker to reach alice")
        self.well("reachability", f"{at} reaches us at 127.0.0.1", alice)
        tracker.end(signal.SIGKILL)
        rig.wait_for(lambda: rig.tracker_states(alice)[at] == "away", "alice to miss it")
        self.problem("trackers", f"{at} is not reached (", alice)
        alice.call("exit_network")
        self.well("trackers", f"{at} is not used", alice)

    def test_name_of_another(self):
        tracker = self.tracker()
        self.member("alice", tracker)
        at = tracker.address()
        other = self.person("alice", f"--tracker={at}", place="other")
        rig.wait_for(lambda: rig.tracker_states(other)[at] == "name_taken", "the name to be taken")
        self.problem("trackers", f"{at} lists another key under our name", other)

    def test_no_tracker(self):
        bob = self.person("bob")
        at = bob.address()
        alice = self.person("alice", f"--tracker={at}")
        rig.wait_for(lambda: rig.tracker_states(alice)[at] == "failed", "alice to see that")
        self.problem("trackers", f"{at} does not list us (", alice)


    def test_own_address(self):
        path = self.write("c", "")
        alice = self.person("alice", f"--config={path}")
        at = alice.address()
        self.write("c", f"[Tracker]\nUse={at}\n")
        alice.call("reload")
        rig.wait_for(lambda: rig.tracker_states(alice)[at] == "away", "alice to meet herself")
        self.problem("trackers", f"{at} is no tracker ({at} is this node itself): give the address",
                     alice)

    def test_other_key_at_tracker(self):
        bob, carol = self.person("bob"), self.person("carol")
        at = f"{carol.call('identity')['peer_id']}@{bob.address()}"
        alice = self.person("alice", f"--tracker={at}")
        rig.wait_for(lambda: "away" in rig.tracker_states(alice).values(), "alice to see that")
        self.problem("trackers", "compare p2pchat.network-key on both sides", alice)


class Peers(Doctor):
    def id_of(self, daemon):
        return daemon.call("identity")["peer_id"]

    def test_unknown(self):
        alice = self.person("alice")
        self.assert_refused("no_such_peer", alice.call, "doctor", peer="bob")
        status, _, err = self.ctl(alice, "doctor", "bob")
        self.assertEqual(status, 1)
        self.assertIn("(no_such_peer)", err)

    def test_consent(self):
        alice, bob = self.person("alice"), self.person("bob")
        alice.call("chat.request", to=bob.address())
        self.problem("consent", "bob has not answered our request (r1, ", alice, peer="bob")
        rig.wait_for(lambda: bob.call("chat.requests")["requests"], "the request")
        self.problem("consent", "'chat accept r1'", bob, peer="alice")
        bob.call("chat.refuse", request="alice")
        rig.wait_for(lambda: not alice.call("chat.requests")["requests"], "the refusal")
        self.problem("consent", "there is no chat with bob: ask for one", alice, peer="bob")
        alice.call("contact.block", peer="bob")
        self.problem("consent", "'unblock bob'", alice, peer="bob")

    def test_nobody_there(self):
        alice, bob = self.pair()
        at = bob.address()
        bob.end(signal.SIGKILL)
        alice.call("chat.message", peer="bob", text="hello")
        rig.wait_for(lambda: f"{at} refuses the connection" in str(self.checks(alice, peer="bob")),
                     "a dial that fails")
        self.problem("link", "there is none (last: ", alice, peer="bob")
        self.problem("address", f"{at} refuses the connection", alice, peer="bob")
        self.well("queue", "messages that wait for bob: 1 (5 bytes)", alice, peer="bob")
        bob.start()
        rig.wait_until_delivered(alice)
        self.well("link", "up for ", alice, peer="bob")
        self.well("queue", "nothing waits for bob", alice, peer="bob")

    def test_queue_that_is_full(self):
        path = self.write("c", "[Limits]\nOutboxMessages=10\n")
        alice, bob = self.person("alice", f"--config={path}"), self.person("bob")
        self.befriend(alice, bob)
        bob.end(signal.SIGKILL)
        for _ in range(8):
            alice.call("chat.message", peer="bob", text="hello")
        self.well("queue", "messages that wait for bob: 8 (40 bytes)", alice, peer="bob")
        alice.call("chat.message", peer="bob", text="hello")
        self.problem("queue", "nearly as much as may", alice, peer="bob")
        alice.call("chat.message", peer="bob", text="hello")
        self.problem("queue", "messages that wait for bob: 10 (50 bytes), as much as may", alice,
                     peer="bob")
        self.assert_refused("outbox_full", alice.call, "chat.message", peer="bob", text="hello")

    def test_another_key_there(self):
        alice, bob = self.pair()
        at = bob.address()
        bob.end()
        self.person("mallory", f"--listen={at}")
        rig.wait_for(lambda: "does not prove the key of bob" in
                     str(self.checks(alice, peer="bob")), "a dial that meets mallory")
        self.problem("address", f"{at} answers, but does not prove the key of bob", alice,
                     peer="bob")
        self.problem("address", "Compare p2pchat.network-key on both sides", alice, peer="bob")

    def test_classic(self):
        """One who asked, and is not there any more to hear the answer."""
        alice = self.person("alice", "--classic-listen=127.0.0.1:0")
        host, _, port = alice.call("status")["classic_listen"][0].rpartition(":")
        with socket.create_server(("127.0.0.1", 0)) as neighbour:
            ours = neighbour.getsockname()[1]
        with socket.create_connection((host, int(port))) as carrier:
            carrier.sendall(json.dumps({"msgtype": "CHAT_REQUEST", "msgdata": {
                "peername": "carol", "host": "127.0.0.1", "port": ours}}).encode())
            carrier.shutdown(socket.SHUT_WR)
            rig.wait_for(lambda: alice.call("chat.requests")["requests"], "the request")
        self.problem("consent", "'chat accept r1'", alice, peer="carol")
        alice.call("chat.accept", request="carol")
        at = f"127.0.0.1:{ours}"
        rig.wait_for(lambda: f"{at} refuses the connection" in
                     str(self.checks(alice, peer="carol")), "a dial that fails")
        self.problem("link", "carol is looked for again", alice, peer="carol")


class Many(Doctor):
    def test_at_once(self):
        """All who ask while it is under way are answered; on one connection one at a time."""
        alice = self.person("alice")
        clients = [alice.client() for _ in range(50)]
        for client in clients:
            client.send("doctor")
        for client in clients:
            self.assertEqual([check["ok"] for check in client.result(client.sent)["checks"]],
                             [True] * len(GENERAL + OF_NODES))
        client = clients[0]
        line = '{"jsonrpc":"2.0","id":%d,"method":"doctor"}\n'
        client.send_bytes((line % 91 + line % 92).encode())
        answers = {answer["id"]: answer for answer in (client.receive(), client.receive())}
        self.assertIn("result", answers[91])
        self.assertEqual(answers[92]["error"]["data"]["name"], "limit_exceeded")

    def test_is_no_peer(self):
        """However often it is asked, nobody is taken for one who comes too often."""
        alice = self.person("alice", "--log-level=debug", "--classic-listen=127.0.0.1:0")
        for _ in range(200):
            self.well("listening", f"{alice.address()} accepts", alice)
        self.assertNotIn("link", alice.log())

    def test_who_goes_away(self):
        alice = self.person("alice")
        alice.call("doctor")
        before = alice.descriptors()
        for _ in range(200):
            with alice.client() as client:
                client.send("doctor")
        alice.call("doctor")
        rig.wait_for(lambda: alice.descriptors() <= before, "nothing to be left of them")

    def test_end_meanwhile(self):
        """Whoever waits when the daemon stops is told so, or answered."""
        alice = self.person("alice")
        client = alice.client()
        line = '{"jsonrpc":"2.0","id":%d,"method":"%s"}\n'
        client.send_bytes((line % (91, "doctor") + line % (92, "shutdown")).encode())
        answers = {answer["id"]: answer for answer in (client.receive(), client.receive())}
        self.assertEqual(answers[92].get("result"), {"socket_stays": False})
        self.assertTrue("result" in answers[91] or
                        answers[91]["error"]["data"]["name"] == "shutting_down", answers)


rig.main()
