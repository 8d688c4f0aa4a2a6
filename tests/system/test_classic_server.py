"""A node of ours that is registered with a server that runs the original program."""

import signal

import dialect
import rig


class Server(dialect.Dialect):
    def setUp(self):
        super().setUp()
        self.original = self.server(named="localhost")
        self.at = f"classic:{self.original.at()}"

    def registered(self, name="bob", *options):
        node = self.node(name, f"--tracker={self.at}", *options)
        self.wait_for_state(node, "registered")
        return node

    def wait_for_state(self, node, state):
        rig.wait_for(lambda: node.call("status")["trackers"] == [{**node.call("status")
                     ["trackers"][0], "address": self.at, "state": state}], state)

    def member(self, name):
        peer = self.peer(name, server=(self.original.address, self.original.port))
        peer.register()
        peer.wait("LISTPEER")
        return peer

    def test_registered_and_gone(self):
        bob = self.registered()
        self.assertEqual(self.original.peers, {"bob": bob.classic})
        self.assertEqual(bob.events.event("registered")["tracker"], self.at)
        self.assertEqual(bob.end(), 0)
        self.original.wait("EXIT_NETWORK")
        self.assertEqual(self.original.peers, {})
        bob.start()
        self.wait_for_state(bob, "registered")
        self.assertEqual(self.original.peers, {"bob": bob.classic})

    def test_killed_and_started_again(self):
        """The server still has our name, and so refuses it; its list says that it is ours."""
        bob = self.registered()
        bob.end(signal.SIGKILL)
        bob.start()
        self.wait_for_state(bob, "registered")
        self.assertEqual(self.original.peers, {"bob": bob.classic})

    def test_server_that_forgot_us(self):
        """It was started again; we say what we are called the next time that it is asked."""
        bob = self.registered()
        self.original.peers.clear()
        bob.call("register", tracker=self.at)
        rig.wait_for(lambda: self.original.peers == {"bob": bob.classic}, "bob to be on the list")

    def test_register_and_exit_by_command(self):
        bob = self.node("bob")
        done = bob.call("register", name="robert", tracker=self.at)
        self.assertEqual((done["name"], [(t["address"], t["state"]) for t in done["trackers"]]),
                         ("robert", [(self.at, "registered")]))
        self.assertEqual(self.original.peers, {"robert": bob.classic})
        bob.call("exit_network", tracker=self.at)
        self.original.wait("EXIT_NETWORK", peername="robert")
        self.assertEqual(self.original.peers, {})

    def test_list_and_request_by_name(self):
        bob, alice = self.registered(), self.member("alice")
        shown = {p["name"]: p for p in bob.call("listpeer")["peers"]}
        self.assertEqual((shown["alice"]["peer_id"], shown["alice"]["source"],
                          shown["alice"]["addresses"]), (None, "classic", [alice.at()]))
        asked = bob.call("chat.request", to="alice")
        self.assertEqual((asked["state"], asked["peer_id"]), ("sent", None))
        alice.wait("CHAT_REQUEST", peername="bob")
        alice.accept("bob")
        bob.events.event("chat.accepted")
        self.assert_refused("no_such_peer", bob.call, "chat.request", to="nobody")

    def test_they_find_us(self):
        bob, alice = self.registered(), self.member("alice")
        self.assertEqual(alice.peerlist["bob"], bob.classic)
        alice.request(*alice.peerlist["bob"])
        bob.events.event("chat.requested")
        bob.call("chat.accept", request="alice")
        alice.wait("CHAT_ACCEPT", peername="bob")

    def test_address_of_the_list(self):
        """HOST PORT is classic when a list says so."""
        bob, alice = self.registered(), self.member("alice")
        bob.call("listpeer")
        self.assertEqual(bob.call("chat.request", to=alice.at())["peer_id"], None)
        alice.wait("CHAT_REQUEST")

    def test_name_that_is_taken(self):
        alice = self.member("alice")
        node = self.node("alice", f"--tracker={self.at}")
        self.wait_for_state(node, "name_taken")
        self.assertEqual(node.events.event("register.failed")["reason"], "name_taken")
        self.assertEqual(self.original.peers["alice"], (alice.host, alice.port))

    def test_server_that_comes_later(self):
        port = self.original.port
        self.original.close()
        bob = self.node("bob", f"--tracker={self.at}")
        self.wait_for_state(bob, "away")
        self.original = self.server(port=port)
        bob.call("register", tracker=self.at)
        self.wait_for_state(bob, "registered")

    def test_answers_of_somebody_else(self):
        self.original.manners = "stalls"
        bob = self.node("bob", f"--tracker={self.at}")
        other = self.peer("other", host="127.0.0.9")
        other.send(bob.classic, "REGISTER_SUCCESS")
        other.send(bob.classic, "LISTPEER", peerlist={"alice": ["127.0.0.9", 40000]})
        self.meet(bob, self.peer("zoe"))  # by then it has heard that
        self.assertNotEqual(bob.call("status")["trackers"][0]["state"], "registered")
        self.assert_refused("unreachable", bob.call, "listpeer")

    def test_without_the_dialect(self):
        node = self.person("bob")
        with self.assertRaises(rig.Refused) as caught:
            node.call("register", tracker=self.at)
        self.assertIn("Listen", caught.exception.message)
        self.assertEqual(self.original.received, [])


if __name__ == "__main__":
    rig.main()
