"""Peers dialled by DNS names: real queries to a server of our own, in a network and an /etc that are
only ours (needs root)."""

import os
import time

import inside
import rig

SOONER_S = inside.RESOLVER_S / 3  # clearly less than the resolver waits


class Names(inside.Test):
    def setUp(self):
        super().setUp()
        self.bob = self.daemon("bob")
        self.bob.start()
        self.alice = self.daemon("alice")
        self.client = self.alice.start()
        self.port = self.bob.address().rpartition(":")[2]

    def tearDown(self):
        for daemon in (self.alice, self.bob):
            self.assertEqual(daemon.end(), 0, daemon.log())

    def request(self, host):
        """How long it took to be connected."""
        start = time.monotonic()
        self.assertEqual(self.client.call("chat.request", to=f"{host}:{self.port}")["state"], "sent")
        return time.monotonic() - start

    def test_one_address(self):
        self.names["bob.example", inside.TYPE_A] = ["127.0.0.1"]
        self.request("bob.example")

    def test_first_family_is_refused(self):
        self.names["bob.example", inside.TYPE_AAAA] = ["::1"]
        self.names["bob.example", inside.TYPE_A] = ["127.0.0.1"]
        self.assertLess(self.request("bob.example"), SOONER_S)

    def test_first_family_is_never_answered(self):
        self.names["bob.example", inside.TYPE_AAAA] = None
        self.names["bob.example", inside.TYPE_A] = ["127.0.0.1"]
        self.assertLess(self.request("bob.example"), SOONER_S)

    def test_several_addresses(self):
        self.names["bob.example", inside.TYPE_A] = ["127.0.0.3", "127.0.0.2", "127.0.0.1"]
        self.request("bob.example")

    def test_no_such_name(self):
        with self.assertRaises(rig.Refused) as refused:
            self.request("nobody.example")
        self.assertEqual(refused.exception.name, "unreachable")

    def test_from_hosts(self):
        self.request("from-hosts")

    def test_changed_servers(self):
        os.rename("/etc/resolv.conf", "/etc/resolv.conf.away")
        self.addCleanup(os.rename, "/etc/resolv.conf.away", "/etc/resolv.conf")
        with open("/etc/resolv.conf", "w", encoding="utf-8") as file:
            file.write("nameserver 127.0.0.9\noptions timeout:1 attempts:1\n")
        self.names["bob.example", inside.TYPE_A] = ["127.0.0.1"]
        with self.assertRaises(rig.Refused):
            self.request("bob.example")
        os.unlink("/etc/resolv.conf")  # without one, the server is on this host
        self.request("bob.example")


if __name__ == "__main__":
    inside.main()
