"""What tests of the classic dialect share: our programs that speak it, and originals beside them."""

import original
import rig

HOST = "127.0.0.1"


class Dialect(rig.People):
    def speaker(self, name, *options, **places):
        """A running daemon of ours that speaks the dialect at `.classic`, a pair of host and port;
        `.events` is a client that is subscribed."""
        daemon = self.person(name, f"--classic-listen={HOST}:0", *options, **places)
        host, port = daemon.call("status")["classic_listen"][0].rsplit(":", 1)
        daemon.classic = host, int(port)
        return daemon

    def node(self, name, *options, **places):
        node = self.speaker(name, *options, **places)
        node.events = node.client()
        node.events.call("events.subscribe", since=0)
        return node

    def tracker(self, *options):
        return self.speaker("tracker", "--role=tracker", *options)

    def start(self, endpoint):
        self.addCleanup(endpoint.close)
        return endpoint

    def server(self, **options):
        return self.start(original.Server(**options))

    def peer(self, name, **options):
        return self.start(original.Peer(name, **options))

    def meet(self, node, peer):
        """The original peer asks, our node accepts. Returns the alias."""
        peer.request(*node.classic)
        while True:
            asked = node.events.event("chat.requested")
            if (asked["direction"], asked["address"]) == ("in", peer.at()):
                break
        node.call("chat.accept", request=asked["request"])
        peer.wait("CHAT_ACCEPT")
        return asked["peer"]
