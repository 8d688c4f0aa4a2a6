"""Peers that find each other by name, through trackers: the session of the original program, two
trackers, and trackers that die."""

import json
import signal
import subprocess

import rig


class Ctl(rig.People):
    """What people type, and what they are told."""

    def ctl(self, daemon, *words, status=0):
        done = subprocess.run([rig.program("p2pchatctl"), f"--socket={daemon.socket}", *words],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=rig.DEADLINE_S, check=False)
        self.assertEqual(done.returncode, status, f"{words}: {done.stdout}{done.stderr}")
        return done.stdout if status == 0 else done.stderr

    def json(self, daemon, *words):
        return json.loads(self.ctl(daemon, "--json", *words))


class Session(Ctl):
    def test_the_original_session(self):
        tracker = self.tracker()
        at = f"--tracker={tracker.address()}"
        alice, bob = self.person("alice"), self.person("bob")
        self.assertEqual(self.ctl(alice, "register", at).splitlines()[0], "listed as alice")
        self.assertEqual(self.ctl(bob, "register", at).splitlines()[0], "listed as bob")
        listed = self.ctl(bob, "listpeer")
        self.assertRegex(listed, r"(?m)^alice +no +tracker +127\.0\.0\.1:\d+ +[a-z2-7]{56}$")
        self.assertRegex(listed, r"(?m)^bob +no +tracker ")

        host, _, port = alice.address().rpartition(":")
        self.ctl(bob, "chat", "request", host, port)
        self.ctl(alice, "chat", "accept", "bob")
        rig.wait_for(lambda: "mutual" in self.ctl(bob, "contact", "list"), "mutual consent")
        self.ctl(bob, "chat", "message", "alice", "Hello,", "alice.", "--wait")
        self.assertIn("bob: Hello, alice.", self.ctl(alice, "history"))
        self.assertRegex(self.ctl(bob, "list", "connected", "peer"), r"(?m)^alice +yes +direct ")
        self.assertRegex(self.ctl(bob, "listpeer", "al"), r"(?m)^alice +yes +tracker ")
        self.ctl(bob, "disconnect", "alice")
        self.assertEqual(self.ctl(bob, "list", "connected", "peer"), "no chats\n")
        self.assertEqual(self.ctl(bob, "exit", "network").splitlines()[0], "not listed any more")
        self.assertEqual(set(self.json_names(alice)), {"alice"})
        self.assertIn("no tracker is in use", self.ctl(bob, "listpeer", status=1))

    def json_names(self, daemon):
        return [peer["name"] for peer in self.json(daemon, "listpeer")["peers"]]

    def test_by_name(self):
        tracker = self.tracker()
        alice, bob = self.member("alice", tracker), self.member("bob", tracker)
        asked = self.json(bob, "chat", "request", "alice")
        self.assertEqual((asked["state"], asked["source"], asked["peer_id"], asked["alias"]),
                         ("sent", "tracker", alice.call("identity")["peer_id"], "alice"))
        self.assertEqual(alice.call("chat.accept", request="bob")["alias"], "bob")
        self.assertEqual(bob.call("chat.message", peer="alice", text="hi", wait=True)["state"],
                         "delivered")
        self.assertIn("no tracker lists this peer (no_such_peer)",
                      self.ctl(bob, "chat", "request", "carol", status=1))

        # The alias is known now, and never asks again.
        alice.call("chat.disconnect", peer="bob")
        tracker.end(signal.SIGKILL)
        rig.wait_for(lambda: bob.call("chat.connected")["peers"] == [], "the end of the chat")
        asked = bob.call("chat.request", to="alice")
        self.assertEqual((asked["state"], asked["source"]), ("sent", "contact"))

    def test_by_peer_id(self):
        tracker = self.tracker()
        alice, bob = self.member("alice", tracker), self.member("bob", tracker)
        asked = bob.call("chat.request", to=alice.call("identity")["peer_id"])
        self.assertEqual((asked["state"], asked["alias"]), ("sent", "alice"))

    def test_many_pages(self):
        tracker = self.tracker()
        names = [f"peer-{i}" for i in range(6)]
        members = [self.member(name, tracker) for name in names]
        page = members[0].call("listpeer", limit=2)
        self.assertEqual([peer["name"] for peer in page["peers"]], names[:2])
        self.assertEqual(page["next"], "peer-1")
        self.assertEqual([p["name"] for p in members[0].call(
            "listpeer", limit=2, after="peer-1")["peers"]], names[2:4])
        self.assertEqual(self.json_names(members[0]), names)
        self.assertEqual(len(self.json(members[0], "listpeer", "--limit=5000")["peers"]), 6)
        self.assertEqual([p["name"] for p in self.json(members[0], "listpeer", "PEER-3")["peers"]],
                         ["peer-3"])
        self.assertIn("(more: --after='peer-2')",
                      self.ctl(members[0], "listpeer", "--limit=3"))


class Names(Ctl):
    def test_a_second_key_cannot_have_it(self):
        tracker = self.tracker()
        self.member("alice", tracker)
        second = self.person("alice", place="elsewhere")
        at = f"--tracker={tracker.address()}"
        said = self.ctl(second, "register", at, status=1)
        self.assertIn("another key has this name there", said)
        self.assertIn("(name_taken)", said)
        self.assertEqual(list(rig.tracker_states(second).values()), ["name_taken"])
        self.assertEqual(self.json(second, "register", "alice-2")["name"], "alice-2")
        self.assertEqual(set(tracker.listed()), {"alice", "alice-2"})
        self.assertIn("@127.0.0.1", self.ctl(second, "whoami"))
        self.assertIn("?name=alice-2", self.ctl(second, "whoami"))

    def test_trackers_that_disagree(self):
        one, other = self.tracker(name="one"), self.tracker(name="other")
        first = self.member("alice", one)
        second = self.member("alice", other, place="elsewhere")
        bob = self.member("bob", one, other)
        with self.assertRaises(rig.Refused) as refused:
            bob.call("chat.request", to="alice")
        self.assertEqual(refused.exception.name, "ambiguous_peer")
        said = self.ctl(bob, "chat", "request", "alice", status=1)
        for tracker, daemon in (one, first), (other, second):
            self.assertIn(f"alice  {daemon.call('identity')['peer_id']}  says {tracker.address()}",
                          said)
        asked = bob.call("chat.request", to=second.call("identity")["peer_id"])
        self.assertEqual(asked["peer_id"], second.call("identity")["peer_id"])


class Coming(Ctl):
    def test_stop_and_start(self):
        tracker = self.tracker()
        alice, bob = self.member("alice", tracker), self.member("bob", tracker)
        self.assertEqual(alice.end(), 0)
        self.assertEqual(set(tracker.listed()), {"bob"})  # at once
        alice.start()
        rig.wait_until_registered(alice, tracker)
        self.ctl(alice, "exit", "network")
        alice.end()
        alice.start()
        self.assertEqual(list(rig.tracker_states(alice).values()), ["off"])
        self.assertEqual(self.json(bob, "listpeer")["peers"][0]["name"], "bob")

    def test_events(self):
        tracker = self.tracker()
        alice = self.member("alice", tracker)
        self.ctl(alice, "exit", "network")
        client = alice.client()
        client.call("events.subscribe", since=0)
        for kind, reason in ("registered", None), ("unregistered", "exit_network"):
            event = client.event(kind)
            self.assertEqual((event["name"], event["tracker"], event["reason"], event["peer"]),
                             ("alice", tracker.address(), reason, None))
            self.assertGreater(event["seq"], 0)
        self.assertIn(f"the tracker {tracker.address()} lists us as alice",
                      self.ctl(alice, "watch", "--since=0", "--type=registered", "--count=1"))

    def test_one_that_is_away(self):
        one, other = self.tracker(name="one"), self.tracker(name="other")
        self.member("alice", one, other)
        bob, at = self.member("bob", one, other), other.address()
        other.end(signal.SIGKILL)
        rig.wait_for(lambda: rig.tracker_states(bob)[at] == "away", "it to be missed")
        listed = self.json(bob, "listpeer")
        self.assertEqual([peer["name"] for peer in listed["peers"]], ["alice", "bob"])
        self.assertEqual(listed["unanswered"], [at])
        self.assertIn(f"(without the peers of {at}: no answer)", self.ctl(bob, "listpeer"))
        self.assertEqual(bob.call("chat.request", to="alice")["source"], "tracker")


class Moved(Ctl):
    def test_both(self):
        """Neither is where the other knows it; their tracker knows where they are."""
        tracker = self.tracker()
        alice, bob = self.member("alice", tracker), self.member("bob", tracker)
        self.befriend(alice, bob)
        for one in (alice, bob):
            self.assertEqual(one.end(), 0)
            one.options = ("--listen=127.0.0.2:0", *one.options[1:])
        for one in (alice, bob):
            one.start()
            rig.wait_until_registered(one, tracker)
        self.assertEqual(alice.call("chat.message", peer="bob", text="still there?",
                                    wait=True)["state"], "delivered")


class Killed(Ctl):
    def test_tracker_is_killed(self):
        """All are registered again, names are still reserved for their keys, and conversations
        never notice."""
        tracker = self.tracker()
        at = f"--tracker={tracker.address()}"
        names = [f"peer-{i}" for i in range(8)]
        members = [self.member(name, tracker) for name in names]
        self.befriend(members[0], members[1])
        watching = members[1].client()
        watching.call("events.subscribe")
        tracker.end(signal.SIGKILL)

        sent = members[0].call("chat.message", peer="peer-1", text="still here?", wait=True)
        self.assertEqual(sent["state"], "delivered")
        self.assertEqual(members[2].end(), 0)
        thief = self.person("peer-2", place="elsewhere")
        tracker.start()
        for name, member in zip(names, members):
            if name != "peer-2":
                rig.wait_until_registered(member, tracker)
        rig.wait_until_listed(tracker, *(name for name in names if name != "peer-2"))
        self.assertIn("(name_taken)", self.ctl(thief, "register", at, status=1))
        members[2].start()
        rig.wait_until_registered(members[2], tracker)

        members[0].call("chat.message", peer="peer-1", text="yes", wait=True)
        watching.call("status")
        said = [event["type"] for event in watching.events]
        self.assertEqual(said.count("message.received"), 2)
        self.assertNotIn("peer.offline", said)


if __name__ == "__main__":
    rig.main()
