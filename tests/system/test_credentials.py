"""Secrets that systemd hands over: p2pchatd(8), Credentials."""

import base64
import os

import rig

NETWORK_KEY = bytes(range(100, 132))


class Credentials(rig.Test):
    def handed(self, name, **credentials):
        """A daemon to which these were handed over: identity, network_key."""
        directory = self.path(f"{name}-credentials")
        os.makedirs(directory, exist_ok=True)
        for what, content in credentials.items():
            self.write(os.path.join(directory, "p2pchat." + what.replace("_", "-")), content)
        daemon = self.daemon(name)
        daemon.prefix = ("env", f"CREDENTIALS_DIRECTORY={directory}")
        return daemon

    def line_of(self, name):
        """The identity.key of a new node, and its peer id."""
        daemon = self.daemon(name)
        peer_id = daemon.start().call("identity")["peer_id"]
        self.assertEqual(daemon.end(), 0)
        with open(os.path.join(daemon.state, "identity.key"), "rb") as file:
            return file.read(), peer_id

    def assert_refuses(self, daemon, why):
        code, said = daemon.refusal()
        self.assertEqual(code, 78, said)
        self.assertIn(why, said)

    def test_identity(self):
        line, peer_id = self.line_of("model")
        alice = self.handed("alice", identity=line)
        for _ in range(2):
            self.assertEqual(alice.start().call("identity")["peer_id"], peer_id)
            self.assertEqual(alice.end(), 0)
        self.assertNotIn("identity.key", os.listdir(alice.state))
        self.assertNotIn("are gone", alice.log())

    def test_identity_of_another(self):
        line, _ = self.line_of("model")
        alice = self.daemon("alice")
        alice.start()
        self.assertEqual(alice.end(), 0)
        alice = self.handed("alice", identity=line)
        self.assert_refuses(alice, "holds another identity")
        os.unlink(os.path.join(alice.state, "identity.key"))
        self.assert_refuses(alice, "was made by another identity key")
        self.assert_refuses(self.handed("bob", identity=b"no identity\n"),
                            "the credential p2pchat.identity is no identity")

    def test_network_key(self):
        """Who has it talks with who has it, and with nobody else, in whatever form it is."""
        forms = {"alice": NETWORK_KEY, "bob": base64.b64encode(NETWORK_KEY) + b"\n",
                 "carol": NETWORK_KEY.hex().encode()}
        inside = {name: self.handed(name, network_key=form) for name, form in forms.items()}
        for daemon in inside.values():
            daemon.start()
        dave, eve = self.daemon("dave"), self.handed("eve", network_key=bytes(range(32)))
        dave.start()
        eve.start()
        place = inside["alice"].address()
        for name in ("bob", "carol"):
            self.assertEqual(inside[name].call("chat.request", to=place)["state"], "sent")
            self.assertIs(inside[name].call("status")["network_key"], True)
            self.assertIn("; with a network key code=ready", inside[name].log())
            self.assertIn({"name": "network", "ok": True}, [
                {"name": check["name"], "ok": check["ok"]}
                for check in inside[name].call("doctor")["checks"]])
        self.assertIs(dave.call("status")["network_key"], False)
        self.assertNotIn("network key", dave.log())
        for stranger, why in ((dave, "wants a p2pchat.network-key"),
                              (eve, "has not our p2pchat.network-key")):
            with self.assertRaises(rig.Refused) as caught:
                stranger.call("chat.request", to=place)
            self.assertEqual(caught.exception.name, "unreachable")
            self.assertIn(why, caught.exception.message)
            with self.assertRaises(rig.Refused) as caught:
                inside["alice"].call("chat.request", to=stranger.address())
            self.assertEqual(caught.exception.name, "unreachable")
            self.assertIn("has not our p2pchat.network-key", caught.exception.message)

    def test_a_closed_network_needs_its_key(self):
        path = self.write("closed", "[Network]\nClosed=yes\n")
        closed = f"--config={path}"
        why = f"{path}:2: Closed=: there is no network key: put one into /etc/credstore/"
        alice, bob = self.handed("alice", network_key=NETWORK_KEY), self.handed("bob")
        carol, dave = self.handed("carol", network_key=b""), self.daemon("dave")
        for daemon in (alice, bob, carol, dave):
            daemon.options = (*daemon.options, closed)
        self.assertIs(alice.start().call("status")["network_key"], True)
        self.assertEqual(alice.end(), 0)
        self.assert_refuses(bob, why)
        self.assert_refuses(carol, "is no key")
        self.assert_refuses(dave, why)

    def test_an_open_network_is_not_closed_by_a_reload(self):
        path = self.write("closed", "")
        alice = self.daemon("alice", "--listen=127.0.0.1:0", f"--config={path}")
        alice.start()
        self.write("closed", "[Network]\nClosed=yes\n")
        with self.assertRaises(rig.Refused) as caught:
            alice.call("reload")
        self.assertEqual(caught.exception.name, "bad_config")
        why = f"{path}:2: Closed=: this daemon was started without a network key"
        self.assertIn(why, alice.log())
        [said] = [check["message"] for check in alice.call("doctor")["checks"] if not check["ok"]]
        self.assertIn(why, said)
        self.assertIn("its network is open", said)

    def test_network_key_that_is_refused(self):
        self.assert_refuses(self.handed("alice", network_key=b"a word\n"),
                            "the credential p2pchat.network-key is no key")
        bob = self.handed("bob", network_key=NETWORK_KEY)
        bob.options = (*bob.options, "--classic-listen=127.0.0.1:0")
        self.assert_refuses(bob, "--classic-listen: there is a network key")


if __name__ == "__main__":
    rig.main()
