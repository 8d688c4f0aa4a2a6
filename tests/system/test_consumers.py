#!/usr/bin/env python3
"""Readers of events that have a name: what each is told, across restarts of either side."""

import contextlib
import os
import resource
import signal
import sqlite3

import rig


def texts(client, count):
    return [client.event("message.sent")["text"] for _ in range(count)]


class Consumers(rig.People):
    def setUp(self):
        super().setUp()
        self.alice, self.bob = self.pair()
        self.assertEqual(self.bob.end(), 0)  # what alice says from now on is only queued

    def say(self, *words):
        """Each is an event of alice's; returns their seqs."""
        return [self.alice.call("chat.message", peer="bob", text=word)["seq"] for word in words]

    def follow(self, name, **parameters):
        client = self.alice.client()
        parameters.setdefault("types", ["message.sent"])
        client.start = client.call("events.subscribe", consumer=name, **parameters)["from"]
        return client

    def consumers(self):
        return {c["consumer"]: c["seq"] for c in self.alice.call("events.consumers")["consumers"]}

    def restart(self, number=signal.SIGTERM):
        self.assertEqual(self.alice.end(number), 0 if number == signal.SIGTERM else -number)
        return self.alice.start()

    def edit(self, *statements):
        """Changes alice's database while she is down."""
        self.assertEqual(self.alice.end(), 0)
        with contextlib.closing(sqlite3.connect(self.path("alice", "p2pchat.db"))) as database:
            with database:
                for statement in statements:
                    database.execute(statement)
        self.alice.start()

    def read(self, sql):
        with contextlib.closing(sqlite3.connect(self.path("alice", "p2pchat.db"))) as database:
            return database.execute(sql).fetchone()[0]

    def test_a_place_is_kept_by_name(self):
        self.say("before")
        reader = self.follow("bot")
        self.assertEqual(reader.start, self.alice.call("status")["log"]["last_seq"])
        seqs = self.say("one", "two", "three")
        self.assertEqual(texts(reader, 3), ["one", "two", "three"])
        self.assertEqual(reader.call("events.ack", consumer="bot", seq=seqs[0]),
                         {"consumer": "bot", "seq": seqs[0]})
        reader.close()
        again = self.follow("bot")
        self.assertEqual(again.start, seqs[0])
        self.assertEqual(texts(again, 2), ["two", "three"])
        self.assertTrue(again.is_silent())

    def test_across_restarts(self):
        self.follow("bot")
        seqs = self.say("one", "two")
        self.alice.call("events.ack", consumer="bot", seq=seqs[0])
        self.restart()
        self.assertEqual(self.consumers(), {"bot": seqs[0]})
        self.say("three")
        self.assertEqual(texts(self.follow("bot"), 2), ["two", "three"])
        self.restart(signal.SIGKILL)
        self.assertEqual(texts(self.follow("bot"), 2), ["two", "three"])

    def test_new_ones_are_kept_before_they_are_answered(self):
        for number in range(5):
            self.follow(f"bot-{number}")
            start = self.consumers()
            self.restart(signal.SIGKILL)
            self.assertEqual(self.consumers(), start)
            self.say("later")
            self.assertEqual(texts(self.follow(f"bot-{number}"), 1), ["later"])

    def test_killed_between_acknowledgement_and_answer(self):
        self.follow("bot")
        seqs = self.say(*(str(i) for i in range(20)))
        for turn in range(0, 20, 4):
            client = self.alice.client()
            client.send_all([("events.ack", {"consumer": "bot", "seq": seq})
                             for seq in seqs[turn:turn + 4]])
            answered = client.result(1)["seq"] if turn % 8 else 0
            self.alice.end(signal.SIGKILL)
            self.alice.start()
            self.assertGreaterEqual(self.consumers()["bot"], answered)
            self.assertLessEqual(self.consumers()["bot"], seqs[turn + 3])
            self.alice.call("events.ack", consumer="bot", seq=seqs[turn + 3])

    def test_never_back_and_not_ahead(self):
        self.follow("bot")
        seqs = self.say("one", "two")
        ack = self.alice.client()
        self.assertEqual(ack.call("events.ack", consumer="bot", seq=seqs[1])["seq"], seqs[1])
        self.assertEqual(ack.call("events.ack", consumer="bot", seq=seqs[0])["seq"], seqs[1])
        self.assertEqual(ack.call("events.ack", consumer="bot", seq=0)["seq"], seqs[1])
        self.assert_refused("invalid_params", ack.call, "events.ack", consumer="bot",
                            seq=seqs[1] + 1)
        self.assert_refused("invalid_params", ack.call, "events.ack", consumer="bot", seq=-1)
        self.assertEqual(self.consumers(), {"bot": seqs[1]})

    def test_many_acknowledgements_in_one_go(self):
        self.follow("bot")
        seqs = self.say(*("x" for _ in range(100)))
        client = self.alice.client()
        numbers = client.send_all([("events.ack", {"consumer": "bot", "seq": seq})
                                   for seq in seqs * 9])
        for number in numbers[:100]:
            self.assertGreaterEqual(client.result(number)["seq"], seqs[number - 1])
        for number in numbers[100:]:
            self.assertEqual(client.result(number)["seq"], seqs[-1])
        self.assertEqual(self.consumers(), {"bot": seqs[-1]})

    def test_sent_and_gone(self):
        """What a client asked for before it went away takes effect."""
        self.follow("bot")
        seqs = self.say(*("x" for _ in range(50)))
        client = self.alice.client()
        client.send_all([("events.ack", {"consumer": "bot", "seq": seq}) for seq in seqs])
        client.close()
        rig.wait_for(lambda: self.consumers()["bot"] == seqs[-1], "the last one")

    def test_two_of_one_name(self):
        first = self.follow("bot")
        seqs = self.say("one", "two")
        self.assertEqual(texts(first, 2), ["one", "two"])
        first.call("events.ack", consumer="bot", seq=seqs[0])
        second = self.follow("bot")
        self.assertEqual(texts(second, 1), ["two"])
        self.say("three")
        for reader in (first, second):
            self.assertEqual(texts(reader, 1), ["three"])

    def test_filters(self):
        reader = self.follow("bot", types=["message.failed"], peer="bob")
        self.say("one")
        self.alice.call("contact.block", peer="bob")
        event = reader.event()
        self.assertEqual(event["type"], "message.failed")
        reader.call("events.ack", consumer="bot", seq=event["seq"])
        self.assertEqual(self.consumers(), {"bot": event["seq"]})

    def test_forget(self):
        reader = self.follow("bot")
        self.say("one")
        self.assertEqual(self.alice.call("events.forget", consumer="bot"), {})
        self.assertEqual(self.consumers(), {})
        self.assertEqual(texts(reader, 1), ["one"])  # goes on
        for method, more in (("events.ack", {"seq": 1}), ("events.forget", {})):
            self.assert_refused("no_such_consumer", self.alice.call, method, consumer="bot",
                                **more)
        self.restart(signal.SIGKILL)
        self.assertEqual(self.consumers(), {})
        self.say("two")
        anew = self.follow("bot")
        self.assertTrue(anew.is_silent())

    def test_refusals(self):
        client = self.alice.client()
        for name in ("a b", "a/b", "ä", "a:b", "*"):
            self.assert_refused("bad_name", client.call, "events.subscribe", consumer=name)
        for name in ("", "x" * 65):
            self.assert_refused("invalid_params", client.call, "events.subscribe", consumer=name)
        self.assert_refused("invalid_params", client.call, "events.subscribe", consumer="bot",
                            since=0)
        self.assert_refused("no_such_consumer", client.call, "events.ack", consumer="a b", seq=0)
        self.assertEqual(self.consumers(), {})
        client.call("events.subscribe", consumer="A-Za-z0-9._@-")
        self.assert_refused("invalid_request", client.call, "events.subscribe", consumer="other")

    def test_as_many_as_there_may_be(self):
        # Not made one by one: a thousand connections prove nothing more.
        self.follow("one")
        self.edit("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1021)"
                  "INSERT INTO consumer SELECT format('bot-%04d', i), seq, last_used, used_age"
                  " FROM consumer, n WHERE name = 'one'")
        self.follow("the-last")
        self.assertEqual(len(self.consumers()), 1024)
        client = self.alice.client()
        self.assert_refused("limit_exceeded", client.call, "events.subscribe", consumer="more")
        client.call("events.subscribe", consumer="bot-0007")
        self.alice.call("events.forget", consumer="bot-0008")
        self.follow("more")

    # What retention does, done by hand: rows go, and the floor says so.
    def cut(self, through):
        self.edit(f"DELETE FROM log WHERE seq <= {through}",
                  f"UPDATE meta SET value = {through} WHERE name = 'floor'")

    def test_gap(self):
        self.follow("bot")
        behind = self.consumers()["bot"]
        seqs = self.say("one", "two", "three", "four")
        self.cut(seqs[1])
        with self.subTest("a consumer"):
            reader = self.follow("bot")
            self.assertEqual(reader.start, behind)
            gap = reader.event()
            self.assertEqual({k: gap[k] for k in gap if k != "time"},
                             {"seq": None, "type": "gap", "peer": None, "peer_id": None,
                              "from": behind + 1, "to": seqs[1]})
            self.assertEqual(texts(reader, 2), ["three", "four"])
            reader.call("events.ack", consumer="bot", seq=gap["to"])
            again = self.follow("bot")
            self.assertEqual(again.event()["text"], "three")
        with self.subTest("from the beginning"):
            reader = self.alice.client()
            reader.call("events.subscribe", since=0, types=["message.failed", "message.sent"])
            gap = reader.event()
            self.assertEqual((gap["type"], gap["from"], gap["to"]), ("gap", 1, seqs[1]))
            self.assertEqual(texts(reader, 2), ["three", "four"])
            self.assertTrue(reader.is_silent())
        with self.subTest("who is above it"):
            reader = self.alice.client()
            reader.call("events.subscribe", since=seqs[1])
            self.assertEqual(reader.event()["text"], "three")
        with self.subTest("history and the log go on"):
            self.assertEqual([m["text"] for m in self.alice.call("history")["messages"]],
                             ["three", "four"])
            self.assertEqual(self.say("five"), [seqs[3] + 1])

    DAY_MS = 86400 * 1000

    def use(self, days_ago, *more):
        """As if bot had been used then, by the age clock."""
        self.edit(f"UPDATE meta SET value = {100 * self.DAY_MS} WHERE name = 'age'",
                  f"UPDATE consumer SET used_age = {round((100 - days_ago) * self.DAY_MS)}", *more)

    def test_expiry(self):
        self.follow("bot")
        self.use(29.9)
        self.assertIn("bot", self.consumers())
        self.use(30.1)
        rig.wait_for(lambda: self.consumers() == {}, "the end of the consumer")
        self.assertIn("the consumer bot was not used", self.alice.log())
        self.restart(signal.SIGKILL)
        self.assertEqual(self.consumers(), {})

    def test_no_expiry(self):
        config = self.write("never.conf", "[Store]\nConsumerDays=0\n")
        self.alice.options += (f"--config={config}",)
        self.follow("bot")
        self.use(99)
        self.assertIn("bot", self.consumers())

    def test_clocks_that_jump_expire_nobody(self):
        self.follow("bot")
        for wall in (1, 4_000_000_000_000):  # years ago, as a clock says that is wrong, and to come
            self.use(28, f"UPDATE meta SET value = {wall} WHERE name = 'age_wall'")
            self.assertIn("bot", self.consumers())
            self.assertEqual(self.read("SELECT max(value) / 86400000 FROM meta"
                                       " WHERE name = 'age'"), 101 if wall == 1 else 100)

    def test_being_used_counts(self):
        self.follow("bot")
        self.use(29.9)
        reader = self.follow("bot")
        reader.call("events.ack", consumer="bot", seq=reader.start + len(self.say("one")))
        self.assertEqual(self.alice.end(), 0)
        self.assertGreaterEqual(self.read("SELECT used_age / 86400000 FROM consumer"), 100)


# AddressSanitizer keeps for a while what was freed; it is asked to keep less than it would.
os.environ.setdefault("ASAN_OPTIONS", "quarantine_size_mb=8")


class Sleepers(rig.People):
    """Who follows and does not read: what waits for it waits in the log."""

    READERS, EVENTS, TEXT = 1000, 10000, "x" * 200
    OUTPUT_BYTES = 128 << 10  # CLIENT_EVENTS_MAX

    def say(self, client, count):
        for _ in range(count // 500):
            numbers = client.send_all([("chat.message", {"peer": "bob", "text": self.TEXT})] * 500)
            for number in numbers:
                client.result(number)

    def test_a_thousand_that_do_not_read(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        alice, bob = self.pair()
        self.assertEqual(bob.end(), 0)
        client = alice.client()
        readers = [alice.client() for _ in range(self.READERS)]
        for reader in readers:
            reader.call("events.subscribe", types=["message.sent"])
        before = alice.resident_bytes()
        self.say(client, self.EVENTS)
        full = alice.resident_bytes()
        # An output grows by doubling, and an allocator, AddressSanitizer's above all, keeps the
        # smaller blocks too. All that was told would be 3.5 GB.
        self.assertLess(full - before, 6 * self.READERS * self.OUTPUT_BYTES)
        self.say(client, self.EVENTS)  # what is over the bound costs nothing at all
        self.assertLess(alice.resident_bytes() - full, 32 << 20)
        for reader in readers[1:]:
            reader.close()
        seqs = [readers[0].event()["seq"] for _ in range(2 * self.EVENTS)]
        self.assertEqual(seqs, sorted(set(seqs)))
        self.assertTrue(readers[0].is_silent())


if __name__ == "__main__":
    rig.main()
