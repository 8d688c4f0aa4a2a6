#!/usr/bin/env python3
"""Links to a tracker that are begun and dropped as fast as one processor can, half of them silent;
and people who want to be registered and find each other meanwhile."""

import socket
import time

import attackers
import rig

FLOOD_S = 60
FLOOD_OF_ONE_S = 15
MADE_MIN = 1000          # a second: else it was none
EVERYWHERE = "127.0.0.0", 65536
ONE = "127.0.7.7", 1
ANOTHER = "127.0.7.8"
LOOK_S = 0.25            # how often we look
NEWCOMER_S = 7           # how often somebody new comes
PROBES = 5
LET_BE_S = 2             # of the 10 that the unproved have
UNPROVED_BYTES = 512 * 16384  # places for the unproved, and what each may cost
SLACK_BYTES = 8 << 20    # links and records of those who come, buffers, what the allocator keeps
GROWTH_BYTES = 1 << 20   # in the second half


def names_of(client):
    return {peer["name"] for peer in client.call("listpeer")["peers"]}


class Load(rig.People):
    def setUp(self):
        super().setUp()
        self.use_memory_again()
        self.tracker = self.person("tracker", "--role=tracker")
        self.people = [self.resident(name) for name in ("anna", "bert", "cora")]
        self.clients = [person.client() for person in self.people]

    def resident(self, name):
        """Somebody new, who is registered."""
        person = self.person(name, f"--tracker={self.tracker.address()}")
        rig.wait_for(lambda: self.is_registered(person), f"{name} to be registered")
        return person

    def is_registered(self, person):
        return [t["state"] for t in person.call("status")["trackers"]] == ["registered"]

    def live(self, number):
        """What people do all the time: one renews, another one looks for all of them."""
        registered = self.clients[number % 3].call("register")
        self.assertEqual([t["state"] for t in registered["trackers"]], ["registered"])
        self.assertLessEqual({person.name for person in self.people},
                             names_of(self.clients[(number + 1) % 3]))

    def live_through(self, flood, newcomers):
        """Returns what of the tracker was in memory, in the order of time, and what the slowest of
        all that people did took, in seconds."""
        resident, slowest, number = [], 0, 0
        newcomer_at = time.monotonic() + NEWCOMER_S
        while flood.goes_on():
            start = time.monotonic()
            self.live(number)
            slowest = max(slowest, time.monotonic() - start)
            resident.append(self.tracker.resident_bytes())
            number += 1
            if newcomers and start > newcomer_at:
                newcomer_at = start + NEWCOMER_S
                self.resident(f"newcomer-{number}")
            time.sleep(max(0, start + LOOK_S - time.monotonic()))
        self.assertGreater(number, 5)
        return resident, slowest

    def test_from_everywhere(self):
        before = self.tracker.resident_bytes()
        with attackers.Flood(self.tracker.address(), FLOOD_S, *EVERYWHERE) as flood:
            resident, slowest = self.live_through(flood, newcomers=True)
            made = flood.made()
        half = len(resident) // 2
        print(f"# {made} links, {max(resident) - before >> 10} KiB more at most, "
              f"{slowest:.3f} s at most for a renewal and a look-up")
        self.assertGreater(made, MADE_MIN * FLOOD_S)
        self.assertLess(max(resident) - before, UNPROVED_BYTES + SLACK_BYTES)
        self.assertLess(max(resident[half:]) - max(resident[:half]), GROWTH_BYTES)

    def test_from_one_address(self):
        with attackers.Flood(self.tracker.address(), FLOOD_OF_ONE_S, *ONE) as flood:
            rig.wait_for(lambda: all(self.is_sent_away(ONE[0]) for _ in range(PROBES)),
                         "that address to be limited")
            rig.wait_for(lambda: not self.is_sent_away(ANOTHER), "another to be let in")
            _, slowest = self.live_through(flood, newcomers=True)
            made = flood.made()
        print(f"# {made} links, {slowest:.3f} s at most for a renewal and a look-up")
        self.assertGreater(made, MADE_MIN * FLOOD_OF_ONE_S)

    def is_sent_away(self, host):
        """Whether who comes from there and says nothing is closed long before its time: refused, or
        to make room."""
        address, port = self.tracker.address().rsplit(":", 1)
        with socket.create_connection((address, int(port)), timeout=rig.DEADLINE_S,
                                      source_address=(host, 0)) as connection:
            connection.settimeout(LET_BE_S)
            try:
                return connection.recv(1) == b""
            except ConnectionResetError:
                return True
            except TimeoutError:
                return False


if __name__ == "__main__":
    rig.main()
