"""Our tracker as the server of original peers, and those beside peers that have a key."""

import dialect
import original
import rig

BLOCK_MAX = 64  # classic peers of one address block


class Tracker(dialect.Dialect):
    def setUp(self):
        super().setUp()
        self.tracked = self.tracker()
        self.link = self.tracked.address()

    def member(self, name, **options):
        """An original peer that knows our tracker."""
        return self.peer(name, server=self.tracked.classic, **options)

    def register(self, *peers):
        for peer in peers:
            peer.register()
            peer.wait("REGISTER_SUCCESS")
            peer.wait("LISTPEER")

    def keyed(self, name, speaks=True):
        """A node of ours that is registered with its key."""
        options = (name, f"--tracker={self.link}")
        node = self.node(*options) if speaks else self.person(*options)
        rig.wait_for(lambda: node.call("status")["trackers"][0]["state"] == "registered",
                     f"{name} to be registered")
        return node

    def listed(self, peer):
        peer.list()
        peer.wait("LISTPEER")
        return peer.peerlist


class Originals(Tracker):
    def test_session_of_the_original(self):
        alice, bob = (self.member(n, named="localhost") for n in ("alice", "bob"))
        self.register(alice, bob)
        self.assertEqual(bob.peerlist, {"alice": (dialect.HOST, alice.port),
                                        "bob": (dialect.HOST, bob.port)})
        bob.request(*bob.peerlist["alice"])
        alice.wait("CHAT_REQUEST")
        alice.accept("bob")
        bob.wait("CHAT_ACCEPT")
        bob.message("alice", "Hello, alice.")
        self.assertEqual(alice.wait("CHAT_MESSAGE")["message"], "Hello, alice.")
        bob.disconnect("alice")
        alice.wait("DISCONNECT")
        bob.exit()
        rig.wait_for(lambda: list(self.listed(alice)) == ["alice"], "bob to be off the list")

    def test_name_of_another(self):
        alice = self.member("alice")
        self.register(alice)
        for other in ("alice", "ALICE"):
            mallory = self.member(other, host="127.0.0.9")
            mallory.register()
            mallory.wait("REGISTER_ERROR")
        self.assertEqual(self.listed(alice), {"alice": (dialect.HOST, alice.port)})
        again = self.member("alice")  # on her host, after she was ended without a word
        self.register(again)
        self.assertEqual(self.listed(again), {"alice": (dialect.HOST, again.port)})

    def test_name_that_is_none(self):
        odd = self.member("a:b")
        odd.register()
        odd.wait("REGISTER_ERROR")

    def test_who_is_not_registered(self):
        alice, bob = self.member("alice"), self.member("bob")
        self.register(alice)
        bob.list()
        elsewhere = self.member("alice", host="127.0.0.9")
        elsewhere.list()  # in her name: it is nobody's answer
        elsewhere.exit()
        self.register(bob)
        self.assertEqual(list(bob.peerlist), ["alice", "bob"])
        self.assertEqual([kind for kind, _ in bob.received], ["REGISTER_SUCCESS", "LISTPEER"])
        self.assertEqual(elsewhere.received, [])
        self.assertEqual(alice.count("LISTPEER"), 1)

    def test_host_that_they_do_not_come_from(self):
        victim = self.peer("victim", host="127.0.0.9")
        mallory, liar = self.member("mallory", named="127.0.0.9"), self.member("liar",
                                                                              named="invalid.")
        mallory.port = victim.port
        mallory.register()
        liar.register()
        alice = self.member("alice")
        self.register(alice)
        self.assertEqual(list(alice.peerlist), ["alice"])
        self.assertEqual(victim.received + liar.received, [])

    def test_so_many_of_one_host(self):
        crowd = self.member("crowd", host="127.0.0.9")
        for number in range(BLOCK_MAX):
            crowd.name = f"crowd-{number}"
            crowd.register()
            crowd.wait("REGISTER_SUCCESS")
        crowd.name = "one-more"
        crowd.register()
        crowd.wait("REGISTER_ERROR")
        crowd.name = "crowd-0"
        crowd.exit()
        self.register(self.member("alice"))
        self.assertEqual(crowd.count("REGISTER_ERROR"), 1)

    def test_list_that_does_not_fit(self):
        """Each piece begins where the one before ended."""
        names = [f"somebody-with-a-long-name-{number:03}" for number in range(BLOCK_MAX)]
        crowd = self.member("crowd", host="127.0.0.9")
        for crowd.name in names:
            crowd.register()
            crowd.wait("REGISTER_SUCCESS")
        alice = self.member("alice")
        self.register(alice)
        first = set(alice.peerlist)
        self.assertFalse(first.issuperset(names))
        self.assertTrue((first | set(self.listed(alice))).issuperset(names))
        self.assertEqual((alice.count(None), crowd.count(None)), (0, 0))

    def test_tracker_shows_them(self):
        alice = self.member("alice")
        self.register(alice)
        shown = self.tracked.call("listpeer")["peers"]
        self.assertEqual([(p["name"], p["peer_id"], p["addresses"], p["source"]) for p in shown],
                         [("alice", None, [alice.at()], "classic")])


class BesideKeys(Tracker):
    def test_they_see_each_other(self):
        alice = self.member("alice")
        self.register(alice)
        bob, quiet = self.keyed("bob"), self.keyed("quiet", speaks=False)
        self.assertEqual(self.listed(alice), {"alice": (dialect.HOST, alice.port),
                                              "bob": bob.classic})
        for node in (bob, quiet):
            shown = {p["name"]: p for p in node.call("listpeer")["peers"]}
            self.assertEqual((shown["alice"]["peer_id"], shown["alice"]["source"],
                              shown["alice"]["addresses"]), (None, "classic", [alice.at()]))
            self.assertEqual(shown["bob"]["source"], "tracker")
        self.assertEqual(bob.end(), 0)
        rig.wait_for(lambda: list(self.listed(alice)) == ["alice"], "bob to be off the list")

    def test_they_ask_by_name(self):
        alice = self.member("alice")
        self.register(alice)
        bob = self.keyed("bob")
        asked = bob.call("chat.request", to="alice")
        self.assertEqual((asked["peer_id"], asked["state"]), (None, "sent"))
        alice.wait("CHAT_REQUEST")
        alice.accept("bob")
        bob.events.event("chat.accepted")
        bob.call("chat.message", peer="alice", text="hi", wait=True)
        self.assertEqual(alice.wait("CHAT_MESSAGE"), {"peername": "bob", "message": "hi"})
        carol = self.member("carol")
        self.register(carol)
        carol.request(*carol.peerlist["bob"])
        bob.events.event("chat.requested")
        bob.call("chat.accept", request="carol")
        carol.wait("CHAT_ACCEPT")

    def test_they_ask_by_address(self):
        """Where a node asks, it may be told that a classic peer is there; elsewhere are nodes."""
        alice = self.member("alice")
        self.register(alice)
        bob = self.keyed("bob")
        asked = bob.call("chat.request", to=f"localhost:{alice.port}")
        self.assertEqual((asked["peer_id"], asked["state"], asked["alias"]),
                         (None, "sent", "alice"))
        alice.wait("CHAT_REQUEST")
        carol = self.keyed("carol", speaks=False)
        asked = bob.call("chat.request", to=carol.address())
        self.assertEqual((asked["peer_id"], asked["source"]),
                         (carol.call("identity")["peer_id"], "address"))
        self.assertEqual(alice.count(None), 0)

    def test_name_that_a_key_has(self):
        self.keyed("bob", speaks=False)
        classic = self.member("Bob")
        classic.register()
        classic.wait("REGISTER_ERROR")
        shown = self.tracked.call("listpeer")["peers"]
        self.assertEqual([(p["name"], p["source"]) for p in shown], [("bob", "tracker")])

    def test_classic_name_yields(self):
        classic, alice = self.member("bob"), self.member("alice")
        self.register(classic, alice)
        bob = self.keyed("bob")
        self.assertEqual(self.listed(alice), {"alice": (dialect.HOST, alice.port),
                                              "bob": bob.classic})
        classic.register()
        classic.wait("REGISTER_ERROR")
        classic.exit()  # a name that is not his any more
        self.assertIn("bob", self.listed(alice))
        shown = [p for p in self.tracked.call("listpeer")["peers"] if p["name"] == "bob"]
        self.assertEqual([p["peer_id"] for p in shown], [bob.call("identity")["peer_id"]])


if __name__ == "__main__":
    rig.main()
