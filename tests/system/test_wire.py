"""Somebody holds the wire between two people, and achieves nothing but closed links."""

import concurrent.futures
import socket
import time

import rig
import wire
from sides import whole_history
from wire import DIALLER, LISTENER, RECORDS_FROM

PARALLEL = 32  # well below the requests that a node dials at once
HARMLESS = {"peer.online", "peer.offline", "message.sent", "message.delivered",
            "message.received"}


class Wired(rig.People):
    def wire(self, target, mischief=wire.pass_on):
        one = wire.Wire(target, mischief)
        self.addCleanup(one.close)
        return one

    def recorded(self, dialler, listener, key=""):
        """The frames of both sides of one link whose dialler asks for a chat."""
        clean = self.wire(listener.address())
        dialler.call("chat.request", to=key + clean.address)
        rig.wait_for(lambda: all(len(side) > first for side, first in
                                 zip(clean.first().frames, RECORDS_FROM)), "records both ways")
        return clean.first().frames


def key_of(person):
    return person.call("identity")["peer_id"] + "@"


class Handshake(Wired):
    """A stranger dials through a wire that spoils the handshake: `unreachable`, nothing kept."""

    def alterations(self, frames):
        """Every byte of preamble and lengths, and some of each message."""
        for way in (DIALLER, LISTENER):
            for index in range(RECORDS_FROM[way]):
                size = len(frames[way][index])
                head = 8 if way == DIALLER and index == 0 else 2
                places = set(range(head)) | set(range(head, size, 23)) | {size - 1}
                for number, place in enumerate(sorted(places)):
                    yield wire.Alter(way, index, place, 1 << number % 8)

    def mischief(self, frames):
        for way in (DIALLER, LISTENER):
            for index in range(RECORDS_FROM[way]):
                for kind in (wire.Repeat, wire.Turn, wire.Reflect):
                    if (kind, way, index) != (wire.Repeat, DIALLER, 2):  # spoils the link only
                        yield kind(way, index)
                for share in (0, 0.5):
                    yield wire.Cut(way, index, share)
                yield wire.Insert(way, index, b"\0\0")
                yield wire.Insert(way, index, frames[way][-1])
                yield wire.Insert(way, index, bytes(600))

    def spoil(self, dialler, listener, mischief, key):
        """What came of one dial."""
        spoilt = self.wire(listener.address(), mischief)
        try:
            return dialler.call("chat.request", to=key + spoilt.address)["state"]
        except rig.Refused as refusal:
            return refusal.name

    def check(self, with_key):
        bob, carol = self.person("bob"), self.person("carol")
        key = key_of(bob) if with_key else ""
        scout = self.person("scout")
        frames = self.recorded(scout, bob, key)
        rig.wait_for(lambda: bob.call("chat.requests")["requests"], "the scout's request")
        known = bob.call("contact.list")
        cases = [*self.alterations(frames), *self.mischief(frames)]
        self.assertGreater(len(cases), 50)
        with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
            states = pool.map(lambda case: self.spoil(carol, bob, case, key), cases)
        for case, state in zip(cases, states):
            self.assertEqual((case.done, state), (True, "unreachable"), str(case))
        self.assertEqual(carol.call("chat.requests")["requests"], [])
        self.assertEqual(carol.call("contact.list")["contacts"], [])
        self.assertEqual(bob.call("contact.list"), known)
        self.assertEqual(len(bob.call("chat.requests")["requests"]), 1)
        rig.wait_for(lambda: bob.call("status")["links"] == 1, "the end of spoilt links")
        self.befriend(carol, bob)

    def test_spoilt_when_the_key_is_known(self):
        self.check(with_key=True)

    def test_spoilt_when_it_is_not(self):
        self.check(with_key=False)


class Conversation(Wired):
    """Two contacts talk, and link after link of theirs is spoilt somewhere."""

    def setUp(self):
        super().setUp()
        self.people = self.pair()
        self.watchers = []
        for person in self.people:
            self.watchers.append(person.client())
            self.watchers[-1].call("events.subscribe")
        self.before = [person.call("contact.list") for person in self.people]
        self.said = ([], [])
        self.last_said = 0

    def say(self):
        """Both say something more, and do not wait for it."""
        self.last_said = time.monotonic()
        for one, person in enumerate(self.people):
            text = f"{person.name} {len(self.said[one])} " + "x" * (len(self.said[one]) % 7 * 100)
            person.call("chat.message", peer=self.people[1 - one].name, text=text)
            self.said[one].append(text)

    def spoil(self, mischief):
        """A link through a wire that does it; returns the connection."""
        dialler, listener = self.people
        for _ in range(10):  # a link that one of them dialled meanwhile may have taken over
            wired = self.wire(listener.address(), mischief)
            asking = dialler.client()
            asking.send("chat.request", to=wired.address)  # no answer while a link waits for bytes
            self.say()
            rig.wait_for(lambda: self.has_come(mischief, wired), str(mischief))
            if mischief.done:
                return wired.first()
        return self.fail(f"{mischief}: it never came to that")

    def has_come(self, mischief, wired):
        """Whether there is nothing more to wait for; talks on if there is."""
        if mischief.done or wired.first() and wired.first().over.is_set():
            return True
        if self.queued() == 0 or time.monotonic() - self.last_said > 0.2:
            self.say()
        return False

    def queued(self):
        return sum(person.call("status")["queued"] for person in self.people)

    def check(self):
        """Everything arrived, once and as it was said, and nothing else has happened."""
        dialler, listener = self.people
        clean = self.wire(listener.address())
        dialler.call("chat.request", to=clean.address)
        self.say()
        rig.wait_for(lambda: self.queued() == 0, "everything to be delivered")
        for one, person in enumerate(self.people):
            history = whole_history(person, self.people[1 - one].name)
            for side, direction in ((one, "out"), (1 - one, "in")):
                self.assertEqual([m["text"] for m in history if m["direction"] == direction],
                                 self.said[side])
            self.assertEqual(person.call("contact.list"), self.before[one])
            self.assertEqual(person.call("chat.requests")["requests"], [])
            self.check_events(self.watchers[one], self.said[1 - one])

    def check_events(self, watcher, said):
        heard, kinds = [], set()
        while len(heard) < len(said):
            event = watcher.event()
            kinds.add(event["type"])
            heard += [event["text"]] if event["type"] == "message.received" else []
        watcher.call("status")  # what comes too much has most likely come now
        kinds |= {event["type"] for event in watcher.events}
        heard += [event["text"] for event in watcher.events if event["type"] == "message.received"]
        self.assertLessEqual(kinds, HARMLESS)
        self.assertEqual(heard, said)

    def spoil_and_check(self, cases, closes=True):
        for case in cases:
            connection = self.spoil(case)
            if closes:
                rig.wait_for(connection.over.is_set, f"the end of the link after: {case}")
        self.check()

    def records(self, count=3):
        for way in (DIALLER, LISTENER):
            for index in range(RECORDS_FROM[way], RECORDS_FROM[way] + count):
                yield way, index

    def test_altered_records(self):
        self.spoil_and_check(wire.Alter(way, index, place, 0x80 if place else 1)
                             for way, index in self.records()
                             for place in (2, 3, 50, -17, -16, -1))

    def test_altered_lengths(self):
        # a link that waits for a longer record may wait until the dialler dials again
        self.spoil_and_check((wire.Alter(way, index, place, mask)
                              for way, index in self.records()
                              for place, mask in ((0, 0x80), (0, 1), (1, 1))), closes=False)

    def test_cut_records(self):
        self.spoil_and_check(kind(way, index, share)
                             for way, index in self.records()
                             for kind in (wire.Cut,) for share in (0, 0.01, 0.5, 0.99))

    def test_repeated_and_turned_records(self):
        self.spoil_and_check(kind(way, index)
                             for way, index in self.records()
                             for kind in (wire.Repeat, wire.Reflect, wire.Turn))

    def test_records_left_out_or_put_in(self):
        other = self.spoil(wire.Repeat(LISTENER, RECORDS_FROM[LISTENER] + 4)).frames
        for way, index in self.records():
            self.spoil(wire.Drop(way, index))
            self.spoil(wire.Truncate(way, index, 0.5))
            self.spoil(wire.Reorder(way, index))
            for piece in (b"\0\0", b"\0\1x", bytes(40), other[way][index], other[1 - way][index]):
                self.spoil(wire.Insert(way, index, piece))
        self.check()

    def test_replay(self):
        """Everything that one side said on an earlier link, said again to the other."""
        dialler, listener = self.people
        frames = self.spoil(wire.Repeat(LISTENER, RECORDS_FROM[LISTENER] + 4)).frames
        host, port = listener.address().rsplit(":", 1)
        for _ in range(3):
            with socket.create_connection((host, int(port))) as again:
                again.settimeout(rig.DEADLINE_S)
                again.sendall(b"".join(frames[DIALLER]))
                answer = b""
                while more := receive(again):
                    answer += more
            # at most the second message of the handshake, for which it had to have come first
            self.assertLessEqual(len(answer), len(frames[LISTENER][0]))
        with socket.create_server(("127.0.0.1", 0)) as impostor:
            impostor.settimeout(rig.DEADLINE_S)
            client = dialler.client()
            number = client.send("chat.request",
                                 to=f"127.0.0.1:{impostor.getsockname()[1]}")
            with impostor.accept()[0] as dialled:
                dialled.settimeout(rig.DEADLINE_S)
                dialled.sendall(b"".join(frames[LISTENER]))
                self.assert_refused("unreachable", client.result, number)
        self.check()


def receive(connection):
    try:
        return connection.recv(65536)
    except ConnectionResetError:
        return b""


class SomebodyElse(Wired):
    def test_another_key_than_asked_for(self):
        alice, bob, carol = (self.person(name) for name in ("alice", "bob", "carol"))
        self.befriend(alice, bob)
        wired = self.wire(carol.address())
        before = alice.call("contact.list")
        self.assert_refused("unreachable", carol.call, "chat.request",
                            to=key_of(alice) + self.wire(bob.address()).address)
        self.assertEqual(carol.call("contact.list")["contacts"], [])
        stranger = self.person("dora")
        self.assert_refused("unreachable", stranger.call, "chat.request",
                            to=key_of(bob) + wired.address)
        self.assertEqual(stranger.call("contact.list")["contacts"], [])
        self.assertEqual(carol.call("chat.requests")["requests"], [])
        self.assertEqual(alice.call("contact.list"), before)

    def test_an_address_that_another_key_has_now(self):
        alice, bob = self.pair()
        address = bob.address()
        alice.call("chat.message", peer="bob", text="for bob", wait=True)
        alice.call("chat.disconnect", peer="bob")
        rig.wait_for(lambda: not bob.call("chat.connected")["peers"], "bob to be told")
        bob.end()
        before = alice.call("contact.list")
        carol = rig.Daemon(self.top, "carol", f"--listen={address}")
        self.addCleanup(self.end_well, carol)
        carol.start()
        self.assert_refused("unreachable", alice.call, "chat.request", to=address)
        self.assertEqual(alice.call("contact.list"), before)
        self.assertEqual(alice.call("chat.requests")["requests"], [])
        self.assertEqual(carol.call("contact.list")["contacts"], [])
        self.assertEqual(carol.call("chat.requests")["requests"], [])


if __name__ == "__main__":
    rig.main()
