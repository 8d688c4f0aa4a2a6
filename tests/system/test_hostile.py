"""Hundreds who never prove a key, and a stranger who does not stop asking; two people talk on."""

import os
import time

import attackers
import rig

COUNT = 300
PROOF_S = 10        # until a link whose peer has not proved a key is closed
SLACK_S = 10        # for a machine that is busy; who drips could live for 40 s
UNPROVED_KIB = 512 * 16  # places for the unproved, and what each may cost
SLACK_KIB = 4096    # the kernel gives memory by pages, the allocator by more
PLACES_FOR_ALL = 384     # of 512; the others are for contacts' addresses
ROUND_TRIPS = 150
RATIO_MAX = 2
TICKS_S = 0.010     # two processes wait for a tick of the scheduler, of 4 ms, on the way


def resident_kib(daemon):
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def processor_s(daemon):
    with open(f"/proc/{daemon.process.pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def open_descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))


class Unproved(rig.People):
    def setUp(self):
        super().setUp()
        self.use_memory_again()

    def talk(self, client, peer, count):
        """So many round trips."""
        for number in range(count):
            sent = client.call("chat.message", peer=peer, text=f"m{number}", wait=True)
            self.assertEqual(sent["state"], "delivered")

    def in_peace(self):
        """Two others on the same machine, who are not attacked: the second one, and a function for
        a round trip between them."""
        erin, dave = self.person("erin"), self.person("dave")
        self.befriend(erin, dave)
        client = erin.client()
        return dave, lambda: self.talk(client, "dave", 1)

    def test_conversation_goes_on(self):
        alice, bob = self.pair()
        client = alice.client()
        ways = (lambda: self.talk(client, "bob", 1)), self.in_peace()[1]

        def compare():
            times = [], []
            for _ in range(ROUND_TRIPS):
                for way, taken in zip(ways, times):
                    start = time.monotonic()
                    way()
                    taken.append(time.monotonic() - start)
            attacked, quiet = (sorted(taken)[ROUND_TRIPS * 99 // 100] for taken in times)
            self.assertLess(attacked, RATIO_MAX * quiet + TICKS_S)

        with attackers.Attack(bob.address(), COUNT):
            rig.in_some_round(compare)
        self.befriend(self.person("carol"), bob)

    def test_memory_and_time_of_the_unproved(self):
        alice, bob = self.pair()
        client = alice.client()
        dave, talk_in_peace = self.in_peace()
        self.talk(client, "bob", 20)
        with attackers.Attack(bob.address(), COUNT, again=False) as attack:
            before = resident_kib(bob)
            used = processor_s(bob) - processor_s(dave)
            most = 0
            while attack.lives.empty():
                self.talk(client, "bob", 1)
                talk_in_peace()
                most = max(most, resident_kib(bob))
            longest, _ = attack.over()
        self.assertLess(longest, PROOF_S + SLACK_S)
        self.assertGreater(longest, PROOF_S - 1)  # the silent ones were let wait
        self.assertLess(most - before, UNPROVED_KIB + SLACK_KIB)
        self.assertLess(processor_s(bob) - processor_s(dave) - used, PROOF_S / 2)
        self.assertEqual(bob.call("contact.list")["contacts"][0]["alias"], "alice")
        self.assertEqual(bob.call("status")["links"], 1)
        self.befriend(self.person("carol"), bob)

    def test_more_than_there_are_places_for(self):
        """The silent give way at random; who proves a key at once gets in, and stays."""
        bob, carol = self.person("bob"), self.person("carol")
        carols = carol.client()
        kinds = (attackers.SILENT, attackers.PREAMBLE_ONLY, attackers.DRIP)
        with attackers.Attack(bob.address(), 2 * PLACES_FOR_ALL, kinds):
            rig.wait_for(lambda: open_descriptors(bob) > PLACES_FOR_ALL + 10,
                         "a full table")
            rig.wait_for(lambda: gets_in(carols, bob), "carol to get in")
            bob.call("chat.accept", request="carol")
            self.talk(carols, "bob", 50)
            self.assertLess(open_descriptors(bob), PLACES_FOR_ALL + 100)
        self.assertEqual(bob.call("status")["links"], 1)

    def test_few_descriptors(self):
        bob = self.person("bob", prefix=("sh", "-c", 'ulimit -n 64; exec "$@"', "sh"))
        alice = self.person("alice")
        self.befriend(alice, bob)
        client, talk_in_peace = alice.client(), self.in_peace()[1]
        with attackers.Attack(bob.address(), COUNT, (attackers.SILENT,)) as attack:
            used, start = processor_s(bob), time.monotonic()
            while time.monotonic() - start < 3:
                self.talk(client, "bob", 1)
                bob.call("status")  # a client has a descriptor
                talk_in_peace()
            share = (processor_s(bob) - used) / (time.monotonic() - start)
        self.assertLess(share, 0.5)
        self.assertFalse(attack.process.is_alive())
        carol = self.person("carol")
        carols = carol.client()
        rig.wait_for(lambda: gets_in(carols, bob), "carol to get in")
        self.talk(client, "bob", 5)


def gets_in(client, daemon):
    try:
        return client.call("chat.request", to=daemon.address())
    except rig.Refused:
        return None


class Strangers(rig.People):
    def test_request_after_request(self):
        alice, bob = self.pair()
        mallory = self.person("mallory")
        asked = refused = 0
        for number in range(60):  # more than a link may bring in a minute
            try:
                mallory.call("chat.request", to=bob.address(), greeting=f"please {number}")
                asked += 1
            except rig.Refused:
                refused += 1
        self.assertGreater(asked, 20)
        self.assertLessEqual(len(bob.call("chat.requests")["requests"]), 1)
        log = bob.client()
        log.call("events.subscribe", since=0)
        log.call("status")
        rows = [e for e in log.events if e.get("peer_id") == mallory.call("identity")["peer_id"]]
        self.assertLessEqual(len(rows), 2)
        self.assertEqual(alice.call("chat.message", peer="bob", text="hi", wait=True)["state"],
                         "delivered")


if __name__ == "__main__":
    rig.main()
