"""Who speaks the classic dialect badly: it costs nobody anything, and is cut off."""

import contextlib
import threading
import time

import dialect
import original
import rig

OBJECT_S = 10  # until who has not said an object is cut off
SLACK_S = 20   # for a machine that is busy; who dribbles could stay for ever
READ_MAX = 64 * 1024
BUFFERS = 16 * 1024 * 1024  # what two kernels take although nobody reads it
FLOOD = 100 * 1000 * 1000
MEMORY_BYTES = 16 * 1024 * 1024
SOURCE = "127.0.0.66"
TURN_S = 0.5   # one address block may come 20 times a second


class Hostile(dialect.Dialect):
    def speakers(self):
        """A node with a contact of each kind, and a tracker with a classic peer; each with a
        function that fails unless it serves those."""
        bob, alice, carol = self.node("bob"), self.peer("alice"), self.person("carol")
        self.meet(bob, alice)
        self.befriend(carol, bob)
        tracker = self.tracker()
        dave = self.peer("dave", server=tracker.classic)
        dave.register()
        dave.wait("LISTPEER")

        def node_serves():
            bob.call("chat.message", peer="alice", text="hi", wait=True)
            alice.wait("CHAT_MESSAGE")
            alice.message("bob", "hello")
            self.assertEqual(bob.events.event("message.received")["text"], "hello")
            sent = carol.call("chat.message", peer="bob", text="hi, bob", wait=True)
            self.assertEqual(sent["state"], "delivered")
            self.assertEqual(bob.events.event("message.received")["text"], "hi, bob")
            states = {c["alias"]: c["consent"] for c in bob.call("contact.list")["contacts"]}
            self.assertEqual(states, {"alice": "mutual", "carol": "mutual"})
            self.assertEqual(bob.call("chat.requests")["requests"], [])

        def tracker_serves():
            dave.list()
            self.assertEqual(list(dave.wait("LISTPEER")["peerlist"]), ["dave"])

        return [(bob, node_serves), (tracker, tracker_serves)]

    def test_everything_that_is_wrong(self):
        speakers = self.speakers()
        lives = {}

        def say(daemon, what, content):
            lives[daemon.name, what] = original.outlasts(daemon.classic, content, SOURCE)[0]

        wrong = {**original.MISBEHAVIOURS,
                 "two objects": original.twice("CHAT_REQUEST",
                                               {"peername": "mallory", "host": SOURCE,
                                                "port": 40000})}
        threads = [threading.Thread(target=say, args=(daemon, what, content))
                   for daemon, _ in speakers for what, content in wrong.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                for _, serves in speakers:
                    serves()
                thread.join(TURN_S)
        self.assertEqual(len(lives), len(threads))
        waits = {who: who[1] in ("silence", "half an object") for who in lives}
        waited = min(seconds for who, seconds in lives.items() if waits[who])
        self.assertGreater(waited, OBJECT_S - 1)
        for who, seconds in lives.items():
            with self.subTest(who):
                self.assertLess(seconds, OBJECT_S + SLACK_S if waits[who] else waited)
        for _, serves in speakers:
            serves()

    def test_object_that_does_not_end(self):
        for daemon, serves in self.speakers():
            with self.subTest(daemon.name):
                before = daemon.resident_bytes()
                for _ in range(5):
                    seconds, sent = original.outlasts(daemon.classic, original.flood(FLOOD), SOURCE)
                    self.assertLess(seconds, OBJECT_S + SLACK_S)
                    self.assertLess(sent, READ_MAX + BUFFERS)
                    serves()
                self.assertLess(daemon.resident_bytes() - before, MEMORY_BYTES)

    def test_hundreds_at_once(self):
        """Silent ones, more than there are places for, from one address: others get in."""
        def round_of(daemon, serves):
            with contextlib.ExitStack() as crowd:
                for _ in range(600):
                    crowd.enter_context(original.socket.create_connection(
                        daemon.classic, rig.DEADLINE_S, (SOURCE, 0)))
                start = time.monotonic()
                serves()
                self.assertLess(time.monotonic() - start, OBJECT_S)
                self.assertLess(daemon.descriptors(), 600)

        for daemon, serves in self.speakers():
            with self.subTest(daemon.name):
                rig.in_some_round(lambda: round_of(daemon, serves))

    def test_dribble(self):
        """One byte at a time is no way to stay longer."""
        bob = self.node("bob")
        start = time.monotonic()
        with original.socket.create_connection(bob.classic, rig.DEADLINE_S, (SOURCE, 0)) as one:
            one.settimeout(0.2)
            with self.assertRaises(ConnectionError):
                while time.monotonic() - start < OBJECT_S + SLACK_S:
                    one.sendall(b" ")
                    try:
                        if not one.recv(1):
                            raise ConnectionResetError
                    except TimeoutError:
                        pass
        self.assertLess(time.monotonic() - start, OBJECT_S + SLACK_S)


if __name__ == "__main__":
    rig.main()
