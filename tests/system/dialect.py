"""What tests of the classic dialect share: our programs that speak it, and originals beside them."""

import socket

import original
import rig

HOST = "127.0.0.1"


def free_port(host=HOST):
    """One that nobody listens on just now."""
    with socket.create_server((host, 0)) as probe:
        return probe.getsockname()[1]


class Dialect(rig.People):
    def speaker(self, name, *options, **places):
        """A running daemon of ours that speaks the dialect at `.classic`, a pair of host and port;
        `.events` is a client that is subscribed."""
        at = (HOST, free_port())
        daemon = self.person(name, f"--classic-listen={at[0]}:{at[1]}", *options, **places)
        daemon.classic = at
        return daemon

    def node(self, name, *options, **places):
        node = self.speaker(name, *options, **places)
        node.events = node.client()
        node.events.call("events.subscribe")
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
        asked = node.events.event("chat.requested")
        node.call("chat.accept", request=asked["request"])
        peer.wait("CHAT_ACCEPT")
        return asked["peer"]

    def knows_nothing_of(self, node, host):
        """Whether our node shows nothing that came from a host."""
        return not [r for r in node.call("chat.requests")["requests"]
                    if r["address"].startswith(host + ":")]
