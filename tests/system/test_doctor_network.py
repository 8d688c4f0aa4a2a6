"""doctor where names cannot be looked up, and where nothing reaches what we listen on (needs root,
for a network and names of its own)."""

import fcntl
import socket
import struct

import inside
from inside import TYPE_A, TYPE_AAAA

TRACKER, HOME = "tracker.example.org", "home.example.org"


class Network(inside.Test):
    def finds(self, daemon, name, ok, what):
        found = [(check["ok"], check["message"]) for check in daemon.call("doctor")["checks"]
                 if check["name"] == name]
        self.assertTrue(any(good == ok and what in message for good, message in found), found)

    def set_loopback(self, is_up):
        with socket.socket() as any_socket:
            flags = struct.pack("16sH14x", b"lo", 0x1 if is_up else 0)
            fcntl.ioctl(any_socket, 0x8914, flags)  # SIOCSIFFLAGS

    def test_names(self):
        self.names[HOME, TYPE_A], self.names[HOME, TYPE_AAAA] = [], ["::1"]
        alice = self.person("alice", f"--advertise={HOME}:28470", f"--tracker={TRACKER}:28471")
        self.finds(alice, "dns", True, f"{HOME}, which we advertise, is ::1")
        self.finds(alice, "dns", False, f"{TRACKER}, the name of a tracker, has no address")
        self.names[TRACKER, TYPE_A] = ["127.0.0.1"]
        self.finds(alice, "dns", True, f"{TRACKER}, the name of a tracker, is 127.0.0.1")

    def test_no_name_server_answers(self):
        self.names[TRACKER, TYPE_A] = self.names[TRACKER, TYPE_AAAA] = None
        alice = self.person("alice", f"--tracker={TRACKER}:28471")
        self.finds(alice, "dns", False,
                   f"{TRACKER}, the name of a tracker: no name server answers: look at "
                   "/etc/resolv.conf")

    def test_one_family_is_enough(self):
        self.names[TRACKER, TYPE_A], self.names[TRACKER, TYPE_AAAA] = ["127.0.0.1"], None
        alice = self.person("alice", f"--tracker={TRACKER}:28471")
        self.finds(alice, "dns", True, f"{TRACKER}, the name of a tracker, is 127.0.0.1")

    def test_names_of_others(self):
        """What a peer says of where it is does not make us look it up."""
        alice, mallory = self.person("alice"), self.person("mallory", "--advertise=there.example:9")
        self.befriend(alice, mallory)
        inside.rig.wait_for(
            lambda: "there.example:9" in str(alice.call("doctor", peer="mallory")), "the record")
        self.server.asked.clear()
        alice.call("doctor", peer="mallory")
        self.assertEqual(self.server.asked, [])

    def test_listening(self):
        alice = self.person("alice")
        at = alice.address()
        self.finds(alice, "listening", True, f"{at} accepts")
        self.addCleanup(self.set_loopback, True)
        self.set_loopback(False)
        self.finds(alice, "listening", False, f"{at} is bound, but does not accept from this host "
                   "itself (Connection timed out)")


inside.main()
