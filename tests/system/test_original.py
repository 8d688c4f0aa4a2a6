"""The stand-in for the original program against itself: what the other tests rely on."""

import original
import rig


class Original(rig.Test):
    def start(self, endpoint):
        self.addCleanup(endpoint.close)
        return endpoint

    def setUp(self):
        super().setUp()
        self.server = self.start(original.Server(named="localhost"))
        self.alice, self.bob = (
            self.start(original.Peer(name, named="localhost",
                                     server=(self.server.host, self.server.port)))
            for name in ("alice", "bob"))

    def register(self, peer):
        peer.register()
        peer.wait("REGISTER_SUCCESS")
        peer.wait("LISTPEER")

    def befriend(self):
        self.alice.request(self.bob.host, self.bob.port)
        self.bob.wait("CHAT_REQUEST", peername="alice")
        self.bob.accept("alice")
        self.alice.wait("CHAT_ACCEPT")

    def test_session(self):
        self.register(self.alice)
        self.register(self.bob)
        self.assertEqual(self.bob.peerlist, {"alice": ("localhost", self.alice.port),
                                             "bob": ("localhost", self.bob.port)})
        self.befriend()
        self.bob.message("alice", "Hello, alice.")
        self.alice.wait("CHAT_MESSAGE")
        self.alice.message("bob", "ünï©ode")
        self.bob.wait("CHAT_MESSAGE")
        self.assertEqual((self.alice.texts, self.bob.texts),
                         ([("bob", "Hello, alice.")], [("alice", "ünï©ode")]))
        self.bob.disconnect("alice")
        self.alice.wait("DISCONNECT")
        self.assertEqual((self.alice.connected, self.bob.connected), ({}, {}))
        self.bob.exit()
        self.server.wait("EXIT_NETWORK")
        self.alice.list()
        self.alice.wait("LISTPEER")
        self.assertEqual(list(self.alice.peerlist), ["alice"])

    def test_refusal_and_later_spelling(self):
        self.alice.request(self.bob.host, self.bob.port, "REQUEST")
        self.bob.wait("REQUEST")
        self.bob.refuse("alice")
        self.assertEqual(self.alice.wait("CHAT_REFUSE"), {})
        self.assertEqual((self.alice.connected, self.bob.connected), ({}, {}))

    def test_name_that_is_taken(self):
        self.register(self.alice)
        other = self.start(original.Peer("alice", server=("localhost", self.server.port)))
        other.register()
        other.wait("REGISTER_ERROR")
        self.assertEqual(self.server.peers, {"alice": ("localhost", self.alice.port)})

    def test_list_is_for_those_who_are_registered(self):
        self.bob.list()
        self.server.wait("LISTPEER")
        self.assertEqual(self.bob.received, [])

    def test_one_read(self):
        """What does not fit is cut off, and then it is no JSON."""
        self.befriend()
        self.alice.message("bob", "x" * original.BUFFER)
        rig.wait_for(lambda: self.bob.count(None), "the end of it")
        self.assertEqual(self.bob.texts, [])
        self.assertEqual(len(self.bob.received[-1][1]), original.BUFFER)

    def test_misbehaviours_are_borne_here(self):
        """They are for others; the stand-in itself goes on."""
        for what, content in original.MISBEHAVIOURS.items():
            with self.subTest(what), self.alice.connect((self.bob.host, self.bob.port)) as one:
                try:
                    one.sendall(content)
                except ConnectionError:
                    pass  # it had read enough
        self.befriend()


if __name__ == "__main__":
    rig.main()
