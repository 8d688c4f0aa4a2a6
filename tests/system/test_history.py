#!/usr/bin/env python3
"""The past, from outside: pages, search by words, and what retention leaves of it."""

import json
import os
import signal
import subprocess

import rig
from sides import whole_history

COUNT = 1500


class History(rig.People):
    def setUp(self):
        super().setUp()
        self.alice, self.bob = self.pair()

    def say(self, *texts):
        with self.alice.client() as client:
            for number in client.send_all([("chat.message", {"peer": "bob", "text": text})
                                           for text in texts]):
                client.result(number)

    def wait_for_delivery(self):
        rig.wait_until_delivered(self.alice)

    def found(self, daemon, words, **parameters):
        """The texts that are found once all was searched."""
        last_seq = daemon.call("status")["log"]["last_seq"]

        def search():
            page = daemon.call("history", search=words, **parameters)
            return page if page["indexed_through"] >= last_seq else None

        return [message["text"] for message in rig.wait_for(search, "the index")["messages"]]

    def restart(self, daemon, number=signal.SIGTERM):
        daemon.end(number)
        daemon.start()

    def fill(self):
        """Says COUNT messages of a kilobyte, and waits until they are delivered."""
        for start in range(0, COUNT, 100):
            self.say(*(f"number{i} " + "x" * 1000 for i in range(start, start + 100)))
        self.wait_for_delivery()

    def retain(self, daemon, *lines):
        """Starts again with retention, which looks at the log at once."""
        config = self.write(daemon.name + ".conf", "\n".join(["[Store]", *lines, ""]))
        daemon.options = (*daemon.options, f"--config={config}")
        self.restart(daemon)

    def first_seq(self):
        return self.alice.call("status")["log"]["first_seq"]

    def wait_for_retention(self, count):
        """Until at most so many messages are left. It may not be over then, and must not go on for
        ever. Returns them."""
        return rig.wait_for(lambda: self.at_most(count), "retention", self.first_seq)

    def at_most(self, count):
        left = whole_history(self.alice, "bob")
        return left if len(left) <= count else None

    def test_pages_both_ways(self):
        self.say(*(str(i) for i in range(250)))
        forth = [message["text"] for message in whole_history(self.alice, "bob")]
        self.assertEqual(forth, [str(i) for i in range(250)])
        back, before = [], {}
        while before is not None:
            page = self.alice.call("history", limit=99, **before)
            back = [message["text"] for message in page["messages"]] + back
            before = {"before": page["next"]} if page["next"] is not None else None
        self.assertEqual(back, forth)
        self.assert_refused("invalid_params", self.alice.call, "history", before=5, after=1)

    def test_search(self):
        self.say("Hello, bob", "今天天气很好", "see 192.168.0.1", "déployé hier", "hello again")
        self.wait_for_delivery()
        for daemon, peer in ((self.alice, "bob"), (self.bob, "alice")):
            self.assertEqual(self.found(daemon, "HELLO"), ["Hello, bob", "hello again"])
            self.assertEqual(self.found(daemon, "天气", peer=peer), ["今天天气很好"])
            self.assertEqual(self.found(daemon, "192.168.0.1"), ["see 192.168.0.1"])
            self.assertEqual(self.found(daemon, "deploy*"), ["déployé hier"])
            self.assertEqual(self.found(daemon, "hello", limit=1), ["hello again"])
            self.assertEqual(self.found(daemon, "hello", limit=1, after=0), ["Hello, bob"])
            for nothing in ("nobody", '"', "AND", "*", "NEAR(hello", "text:", "!"):
                self.assertEqual(self.found(daemon, nothing), [])
        self.assert_refused("invalid_params", self.alice.call, "history", search="")
        self.assert_refused("invalid_params", self.alice.call, "history", search="x" * 1025)

    def search_all(self, daemon, **parameters):
        """The seqs that a search finds, page by page, and how many pages that took."""
        seqs, pages, before = [], 0, {}
        while before is not None:
            page = daemon.call("history", **parameters, **before)
            seqs = [message["seq"] for message in page["messages"]] + seqs
            before = {"before": page["next"]} if page["next"] is not None else None
            pages += 1
        return seqs, pages

    def test_search_that_takes_long(self):
        text = ("a " * 510 + "b ") * 63 + "a " * 80
        texts = [text + ("needle hay" if i == 3 else "hay needle") for i in range(100)]
        for start in range(0, len(texts), 10):
            self.say(*texts[start:start + 10])
        self.found(self.alice, "anything", limit=1)
        hard = ".".join(["a"] * 63 + ["needle"])
        easy = [message["seq"] for message in self.alice.call("history", search="needle.hay")["messages"]]
        seqs, pages = self.search_all(self.alice, search=hard)
        self.assertEqual((seqs, len(easy)), (easy, 1))
        self.assertGreater(pages, 2)
        done = subprocess.run([rig.program("p2pchatctl"), f"--socket={self.alice.socket}",
                               "history", f"--search={hard}", "--json"], capture_output=True,
                              timeout=rig.DEADLINE_S, check=True)
        page = json.loads(done.stdout)
        self.assertEqual(([message["seq"] for message in page["messages"]], page["next"]),
                         (easy, None))
        self.assert_refused("too_long", self.alice.call, "history", search=hard + " b")
        clients = [self.alice.client() for _ in range(8)]
        for client in clients:
            client.send_all([("history", {"search": hard})] * 20)
        self.assertEqual(self.alice.end(), 0)

    def test_search_survives_what_happens_to_its_index(self):
        self.say("before the end")
        self.assertEqual(self.found(self.alice, "end"), ["before the end"])
        self.restart(self.alice, signal.SIGKILL)
        self.say("after the end")
        self.assertEqual(self.found(self.alice, "end"), ["before the end", "after the end"])
        self.alice.end()
        for name in os.listdir(self.alice.state):
            if name.startswith("search.db"):
                os.unlink(os.path.join(self.alice.state, name))
        self.alice.start()
        self.assertEqual(self.found(self.alice, "end"), ["before the end", "after the end"])
        self.alice.end()
        with open(os.path.join(self.alice.state, "search.db"), "r+b") as index:
            index.write(b"no database" * 1000)
        for name in ("search.db-wal", "search.db-shm"):
            if os.path.exists(os.path.join(self.alice.state, name)):
                os.unlink(os.path.join(self.alice.state, name))
        self.alice.start()
        self.assertEqual(self.found(self.alice, "end"), ["before the end", "after the end"])
        self.assertIn("made anew", self.alice.log())

    def test_retention_by_size(self):
        self.fill()
        self.assertEqual(len(self.found(self.alice, "number7")), 1)
        self.retain(self.alice, "RetainBytes=512K")
        left = self.wait_for_retention(500)
        self.assertEqual([message["text"].split()[0] for message in left],
                         [f"number{i}" for i in range(COUNT - len(left), COUNT)])
        self.assertEqual(self.found(self.alice, "number7"), [])
        self.assertEqual(len(self.found(self.alice, f"number{COUNT - 1}")), 1)
        self.assertEqual(len(whole_history(self.bob, "alice")), COUNT)
        with self.alice.client() as reader:
            before = self.first_seq()
            reader.call("events.subscribe", since=0)
            gap = reader.event()
            self.assertEqual((gap["type"], gap["seq"]), ("gap", None))
            self.assertTrue(before <= gap["to"] + 1 <= self.first_seq(), gap)
            self.assertGreater(reader.event("message.sent")["seq"], gap["to"])
        self.say("go on")
        self.wait_for_delivery()
        self.assertEqual(self.found(self.bob, "go on"), ["go on"])
        self.assertGreaterEqual(len(whole_history(self.alice, "bob")), 100)

    def test_retention_leaves_what_is_not_delivered(self):
        self.bob.end()
        texts = [f"waiting{i} " + "x" * 1000 for i in range(600)]
        self.say(*texts)
        self.retain(self.alice, "RetainBytes=256K")
        self.say("the last")
        self.assertEqual(len(whole_history(self.alice, "bob")), 601)
        self.bob.start()
        self.wait_for_delivery()
        self.assertEqual([message["text"] for message in whole_history(self.bob, "alice")],
                         texts + ["the last"])
        self.restart(self.alice)
        self.wait_for_retention(300)

    def test_new_rows_stay_for_their_days(self):
        self.say("young")
        self.retain(self.alice, "RetainDays=1")
        self.say("younger")
        self.assertEqual([message["text"] for message in whole_history(self.alice, "bob")],
                         ["young", "younger"])
        self.assertEqual(self.first_seq(), 1)


rig.main()
