"""The two sides of a conversation under load, and what must be true of them in the end."""

import contextlib
import json
import os
import re
import sqlite3
import subprocess

import rig
from load import Consumer, Reader, Sender


class Side:
    """A daemon, the program that speaks through it, and those that read."""

    def __init__(self, test, daemon, peer, seed):
        self.daemon = daemon
        self.peer = peer
        self.reader = Reader(daemon, peer).begin(test)
        self.consumer = Consumer(daemon, peer, "consumer", seed + 1).begin(test)
        self.watches = []
        self.sender = Sender(daemon, peer, seed).begin(test)

    def wait_for_the_end(self, messages):
        """Until everything of both sides, so many messages, is answered, delivered and told."""
        self.sender.wait_for(self.sender.is_done, "all answers")
        rig.wait_until_delivered(self.daemon)
        self.reader.wait_for(lambda: self.reader.delivered >= self.sender.wanted and
                             self.reader.messages >= messages, "all events")
        last = self.reader.seq
        self.consumer.wait_for(lambda: self.consumer.seq >= last, "all events by name")
        for watch in self.watches:
            rig.wait_for(lambda: watch.tend() or watch.read() >= last,
                         f"all events printed by {watch.name}", lambda: len(watch.events))
            if watch.end() != 0:
                raise AssertionError(f"{watch.name} ended badly")
        for program in (self.sender, self.reader, self.consumer):
            program.stop()
            program.check()

    def check(self, test, other):
        """What was kept and told here is what was said here and there."""
        said, heard = self.sender.ids_and_texts(), other.sender.ids_and_texts()
        events = self.reader.events
        seqs = [seq for seq, _ in self.sender.answered()]
        test.assertEqual(seqs, sorted(seqs))
        test.assertEqual([event["seq"] for event in self.reader.of("message.sent")], seqs)
        test.assertEqual(self.reader.ids_and_texts("message.sent"), said)
        test.assertEqual(self.reader.ids_and_texts("message.received"), heard)
        test.assertEqual(self.reader.delivered, len(said))
        test.assertEqual(self.reader.of("security.warning", "message.failed", "gap"), [])
        test.assertEqual(self.consumer.events, [event for event in events
                                                if event["seq"] > self.consumer.start_seq])
        for watch in self.watches:
            watch.check(test, events)
        history = whole_history(self.daemon, self.peer)
        test.assertEqual(exported_history(self.daemon, self.peer), history)
        for direction, state, messages in (("out", "delivered", said), ("in", "received", heard)):
            mine = [message for message in history if message["direction"] == direction]
            test.assertEqual([(message["id"], message["text"]) for message in mine], messages)
            test.assertEqual([message for message in mine if message["state"] != state], [])


def finish(test, sides):
    """When the two sides of a conversation have said enough: waits until all is delivered, checks
    everything and ends the daemons. Returns the number of messages."""
    messages = sum(side.sender.wanted for side in sides)
    for side in sides:
        side.wait_for_the_end(messages)
    for side, other in (sides, sides[::-1]):
        side.check(test, other)
    for side in sides:
        test.assertEqual(side.daemon.end(), 0, side.daemon.log())
        assert_sound(test, side.daemon)
    return messages


def whole_history(daemon, peer):
    """All messages with a peer, the oldest first."""
    messages, after = [], 0
    with daemon.client() as client:
        while after is not None:
            page = client.call("history", peer=peer, after=after, limit=1000)
            messages += page["messages"]
            after = page["next"]
    return messages


def exported_history(daemon, peer):
    """The same by p2pchatctl."""
    lines = subprocess.run([rig.program("p2pchatctl"), f"--socket={daemon.socket}", "history",
                            "--export", peer], stdout=subprocess.PIPE, check=True).stdout
    return [json.loads(line) for line in lines.splitlines()]


def assert_sound(test, daemon, complaints=()):
    """The database of a daemon that has ended is whole, and its log holds nothing of warning or
    worse, but for lines with one of `complaints`."""
    with contextlib.closing(sqlite3.connect(os.path.join(daemon.state, "p2pchat.db"))) as database:
        test.assertEqual(database.execute("PRAGMA quick_check").fetchall(), [("ok",)])
    for line in daemon.log().splitlines():
        if not re.match(r"[-0-9]+ [:.0-9]+ (notice|info): ", line):
            test.assertTrue(any(complaint in line for complaint in complaints), line)
