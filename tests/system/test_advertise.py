"""Addresses of one's own choosing (p2pchatd(8), --advertise): DNS names, several at once, some that
lead nowhere any more or to somebody else (needs root, for a network of its own)."""

import inside
import rig
from inside import TYPE_A, TYPE_AAAA

PORTS = {"alice": 443, "mallory": 9000}


class Advertise(inside.Test):
    def setUp(self):
        super().setUp()
        self.names["tracker.example.org", TYPE_A] = ["127.0.0.1"]
        self.at_tracker = "--tracker=tracker.example.org:28471"
        self.friends = self.tracker("--listen=127.0.0.1:28471", name="friends")

    def somebody(self, name, *addresses, listen="[::]", place=""):
        """A node that is reached at `addresses` and listens on a port that others know."""
        daemon = rig.Daemon(self.path(place), name, f"--listen={listen}:{PORTS[name]}",
                            self.at_tracker, *(f"--advertise={at}" for at in addresses))
        self.addCleanup(self.end_well, daemon)
        daemon.start()
        self.is_registered(daemon)
        return daemon

    def is_registered(self, daemon):
        rig.wait_for(lambda: "registered" in rig.tracker_states(daemon).values(),
                     f"{daemon.name} to be registered", lambda: rig.tracker_states(daemon))

    def bob(self):
        bob = self.person("bob", self.at_tracker)
        self.is_registered(bob)
        return bob

    def says(self, what, bob, to="alice"):
        """Why `to` cannot be reached."""
        with self.assertRaises(rig.Refused) as refused:
            bob.call("chat.request", to=to)
        self.assertEqual(refused.exception.name, "unreachable")
        self.assertIn(what, refused.exception.message)
        self.assertEqual(bob.call("chat.requests")["requests"], [])

    def test_domain_and_port_443(self):
        self.names["chat.example.org", TYPE_A] = ["127.0.0.1"]
        self.names["chat.example.org", TYPE_AAAA] = ["::1"]
        alice, bob = self.somebody("alice", "chat.example.org:443"), self.bob()
        identity = alice.call("identity")
        self.assertEqual(identity["address"],
                         f"p2pchat:{identity['peer_id']}@chat.example.org:443?name=alice")
        listed = {peer["name"]: peer for peer in bob.call("listpeer")["peers"]}
        self.assertEqual(listed["alice"]["addresses"], ["chat.example.org:443"])
        self.assertEqual(self.friends.listed()["alice"]["addresses"], ["chat.example.org:443"])

        asked = bob.call("chat.request", to="alice")
        self.assertEqual((asked["peer_id"], asked["source"], asked["state"]),
                         (identity["peer_id"], "tracker", "sent"))
        carol = self.person("carol")  # who has no tracker, but was told the address
        self.assertEqual(carol.call("chat.request", to=identity["address"])["state"], "sent")

    def test_the_name_moves(self):
        """Who is a contact follows it, as what is configured stays."""
        self.names["chat.example.org", TYPE_A] = ["127.0.0.1"]
        alice, bob = self.somebody("alice", "chat.example.org:443", listen="127.0.0.1"), self.bob()
        self.befriend(bob, alice)
        self.assertEqual(alice.end(), 0)
        alice.options = ("--listen=127.0.0.5:443", *alice.options[1:])
        alice.start()
        self.names["chat.example.org", TYPE_A] = ["127.0.0.5"]
        sent = bob.call("chat.message", peer="alice", text="found you", wait=True, wait_s=60)
        self.assertEqual(sent["state"], "delivered")

    def test_several(self):
        """The first two lead nowhere."""
        self.names["old.example.org", TYPE_A] = ["127.0.0.3"]
        self.somebody("alice", "gone.example.org:443", "old.example.org:443", "[::1]:443",
                      listen="[::1]")
        self.assertEqual(self.bob().call("chat.request", to="alice")["state"], "sent")

    def test_the_name_is_gone(self):
        self.names["chat.example.org", TYPE_A] = ["127.0.0.1"]
        alice, bob = self.somebody("alice", "chat.example.org:443"), self.bob()
        del self.names["chat.example.org", TYPE_A]
        self.says("chat.example.org: no such host", bob)
        self.says("chat.example.org: no such host", bob, alice.call("identity")["address"])

    def test_nobody_is_there(self):
        self.names["chat.example.org", TYPE_A] = ["127.0.0.9"]
        self.somebody("alice", "chat.example.org:443", listen="127.0.0.1")
        self.says("127.0.0.9:443 (chat.example.org) refuses the connection", self.bob())

    def test_somebody_else_is_there(self):
        """The name is another's now: no conversation with them, and alice's other address is
        tried."""
        self.names["chat.example.org", TYPE_A] = ["127.0.0.1"]
        mallory = self.somebody("mallory")
        alice, bob = self.somebody("alice", f"chat.example.org:{PORTS['mallory']}"), self.bob()
        self.says("does not prove", bob)
        self.assertEqual(mallory.call("chat.requests")["requests"], [])

        self.assertEqual(alice.end(), 0)
        alice.options = (*alice.options, "--advertise=[::1]:443")
        alice.start()
        self.is_registered(alice)
        asked = bob.call("chat.request", to="alice")
        self.assertEqual((asked["peer_id"], asked["state"]),
                         (alice.call("identity")["peer_id"], "sent"))
        self.assertEqual(mallory.call("chat.requests")["requests"], [])


if __name__ == "__main__":
    inside.main()
