"""Dials that meet somebody else, or nobody, at some of the addresses: the others are tried, what was
found is said, and nobody is talked to but the one who proves the key (needs root, for a network and
names of its own)."""

import signal
import socket
import threading

import inside
import rig
from inside import TYPE_A, TYPE_AAAA

PORT = 28470
BOB = "bob.example.org"
AT = f"{BOB}:{PORT}"


class Stranger(threading.Thread):
    """Somebody at a literal who is no node: says so, or says nothing at all."""

    def __init__(self, host, answer=None):
        super().__init__(daemon=True)
        self.answer = answer
        self.calls = []
        self.listener = socket.create_server((host, PORT))
        self.start()

    def run(self):
        while True:
            try:
                self.calls.append(self.listener.accept()[0])
            except OSError:
                return
            if self.answer:
                self.calls[-1].sendall(self.answer)

    def end(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.join()
        self.listener.close()
        for call in self.calls:
            call.close()


class Dial(inside.Test):
    def setUp(self):
        super().setUp()
        self.bob = self.node("bob", "127.0.0.1")
        self.alice = self.node("alice", "127.0.1.1")

    def node(self, name, host):
        daemon = self.daemon(name, f"--listen={host}:{PORT}")
        self.addCleanup(self.end_well, daemon)
        daemon.start()
        return daemon

    def stranger(self, host, answer=None):
        self.addCleanup(Stranger(host, answer).end)

    def name(self, *addresses):
        """What bob's name means from now on."""
        self.names[BOB, TYPE_AAAA] = [a for a in addresses if ":" in a]
        self.names[BOB, TYPE_A] = [a for a in addresses if ":" not in a]

    def peer_id(self, daemon):
        return daemon.call("identity")["peer_id"]

    def assert_reached(self, asked):
        self.assertEqual((asked["peer_id"], asked["state"]), (self.peer_id(self.bob), "sent"))

    def why(self, to):
        with self.assertRaises(rig.Refused) as refused:
            self.alice.call("chat.request", to=to)
        self.assertEqual(refused.exception.name, "unreachable")
        return refused.exception.message

    def assert_nobody_asked(self, daemon):
        self.assertEqual(daemon.call("chat.requests")["requests"], [])
        self.assertEqual(daemon.call("contact.list")["contacts"], [])

    def test_some_addresses_are_somebody_elses(self):
        others = self.node("mallory", "127.0.0.2"), self.node("trudy", "[::1]")
        self.stranger("127.0.0.4", b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.name("::1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.1")
        self.assert_reached(self.alice.call("chat.request", to=f"{self.peer_id(self.bob)}@{AT}"))
        for other in others:
            self.assert_nobody_asked(other)

    def test_first_of_all(self):
        """Nobody's key is known yet: whoever is no node is passed by."""
        self.stranger("127.0.0.4", b"220 mail.example.org ESMTP\r\n")
        self.name("127.0.0.4", "127.0.0.1")
        self.assert_reached(self.alice.call("chat.request", to=AT))

    def test_one_says_nothing(self):
        self.stranger("127.0.0.4")
        self.name("127.0.0.4", "127.0.0.1")
        self.assert_reached(self.alice.call("chat.request", to=AT))

    def test_what_was_found(self):
        mallory = self.node("mallory", "127.0.0.2")
        self.stranger("127.0.0.4", b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.name("127.0.0.2", "127.0.0.3")
        bob_id = self.peer_id(self.bob)
        self.assertEqual(self.why(f"{bob_id}@{AT}"),
                         f"127.0.0.2:{PORT} ({BOB}) answers, but does not prove the key of {bob_id}, or "
                         f"wants a p2pchat.network-key; "
                         f"127.0.0.3:{PORT} ({BOB}) refuses the connection")
        self.assertEqual(self.why(f"127.0.0.4:{PORT}"),
                         f"127.0.0.4:{PORT} answers, but not as a node of p2pchat does, or "
                         "wants a p2pchat.network-key")
        self.assertEqual(self.why(f"127.0.1.1:{PORT}"), f"127.0.1.1:{PORT} is this node itself")
        self.name()
        self.assertEqual(self.why(AT), f"{BOB}: no name server says where it is")
        self.names.clear()
        self.assertEqual(self.why(AT), f"{BOB}: no such host")
        self.assert_nobody_asked(mallory)
        self.assert_nobody_asked(self.alice)

    def befriend_by_name(self):
        self.name("127.0.0.1")
        bobs = self.bob.client()
        bobs.call("events.subscribe")
        self.alice.call("chat.request", to=AT)
        bobs.call("chat.accept", request=bobs.event("chat.requested")["request"])
        rig.wait_for(lambda: any(c["consent"] == "mutual" for c in
                                 self.alice.call("contact.list")["contacts"]), "mutual consent")

    def test_a_contact_moves(self):
        """Both restart, and bob is elsewhere, under the name where he was found; what is at his old
        address, and at the other one of his name, is not him."""
        self.befriend_by_name()
        self.assertEqual(self.alice.end(), 0)
        self.bob.end(signal.SIGKILL)
        mallory, trudy = self.node("mallory", "127.0.0.1"), self.node("trudy", "127.0.0.2")
        self.name("127.0.0.2", "127.0.0.1")
        self.alice.start()
        sent = self.alice.call("chat.message", peer="bob", text="where are you?", wait=True, wait_s=5)
        self.assertEqual((sent["state"], sent["timed_out"]), ("queued", True))

        self.bob.options = (f"--listen=127.0.0.5:{PORT}",)
        self.name("127.0.0.2", "127.0.0.5", "127.0.0.1")
        self.bob.start()
        found = self.alice.call("chat.message", peer="bob", text="there!", wait=True, wait_s=60)
        self.assertEqual(found["state"], "delivered")
        self.assertEqual([m["text"] for m in self.bob.call("history")["messages"]],
                         ["where are you?", "there!"])
        for other in (mallory, trudy):
            self.assert_nobody_asked(other)

    def test_found_by_what_it_advertises(self):
        """Alice never dialled bob: all that she knows is what his record says."""
        self.assertEqual(self.bob.end(), 0)
        advertises = (f"--advertise={AT}", "--advertise=[::1]:443")
        self.bob.options = (*self.bob.options, *advertises)
        self.bob.start()
        identity = self.bob.call("identity")
        self.assertEqual(identity["address"], f"p2pchat:{identity['peer_id']}@{AT}?name=bob")
        self.befriend(self.bob, self.alice)
        for daemon in (self.alice, self.bob):
            self.assertEqual(daemon.end(), 0)

        self.name("127.0.0.5")  # both are elsewhere now
        self.bob.options = (f"--listen=127.0.0.5:{PORT}", *advertises)
        self.alice.options = (f"--listen=127.0.1.2:{PORT}",)
        self.bob.start()
        self.alice.start()
        found = self.alice.call("chat.message", peer="bob", text="there!", wait=True, wait_s=60)
        self.assertEqual(found["state"], "delivered")

    def test_a_place_that_was_bobs(self):
        """His key was proved there. Whoever is there now has another, and is not him."""
        self.name("127.0.0.1")
        self.assert_reached(self.alice.call("chat.request", to=AT))
        self.assertEqual(self.bob.end(), 0)
        mallory = self.node("mallory", "127.0.0.1")
        self.assertEqual(self.why(AT),
                         f"127.0.0.1:{PORT} answers, but does not prove the key of bob, or "
                         "wants a p2pchat.network-key")
        self.assert_nobody_asked(mallory)
        self.alice.call("contact.remove", peer="bob")  # then she may ask anew who is there
        asked = self.alice.call("chat.request", to=AT)
        self.assertEqual((asked["peer_id"], asked["alias"]), (self.peer_id(mallory), "mallory"))


if __name__ == "__main__":
    inside.main()
