"""A database is replaced by an older copy of itself, or by none, on one side or on both. What can
still be delivered is delivered once, what cannot is told, and nothing is mixed."""

import contextlib
import glob
import os
import signal
import sqlite3

import rig
import sides


class Restored(rig.People):
    padding = ""  # behind each text

    def setUp(self):
        super().setUp()
        self.alice, self.bob = self.both = self.pair()

    def other(self, person):
        return self.bob if person is self.alice else self.alice

    def texts(self, person, *ranges):
        return [f"{person.name} {number}{self.padding}" for numbers in ranges for number in numbers]

    def queue(self, person, numbers):
        with person.client() as client:
            for number in client.send_all([
                    ("chat.message", {"peer": self.other(person).name, "text": text})
                    for text in self.texts(person, numbers)]):
                client.result(number)

    def wait_until_delivered(self):
        for person in self.both:
            rig.wait_until_delivered(person)

    def say(self, numbers):
        for person in self.both:
            self.queue(person, numbers)
        self.wait_until_delivered()

    @staticmethod
    def database(person):
        return os.path.join(person.state, "p2pchat.db")

    def back_up(self, person):
        """A copy of the database of a daemon that runs."""
        with contextlib.closing(sqlite3.connect(self.database(person))) as database, \
                contextlib.closing(sqlite3.connect(self.path(person.name + ".copy"))) as copy:
            database.backup(copy)

    def put_away(self, person):
        """Ends the daemon, and takes the database away."""
        person.end(signal.SIGKILL)
        for path in glob.glob(self.database(person) + "*"):
            os.unlink(path)

    def restore(self, person):
        self.put_away(person)
        os.rename(self.path(person.name + ".copy"), self.database(person))

    def assert_history(self, person, heard, said):
        """`heard`, `said`: the numbers of the messages of the other and of the person."""
        history = sides.whole_history(person, self.other(person).name)
        for direction, state, texts in (
                ("in", "received", self.texts(self.other(person), *heard)),
                ("out", "delivered", self.texts(person, *said))):
            messages = [m for m in history if m["direction"] == direction]
            self.assertEqual([m["text"] for m in messages], texts)
            self.assertEqual({m["state"] for m in messages}, {state})

    def events(self, person):
        """All that are in the log."""
        last, events = person.call("status")["log"]["last_seq"], []
        with person.client() as client:
            client.call("events.subscribe", since=0)
            while not events or events[-1]["seq"] != last:
                events.append(client.event())
        return events

    def warnings(self, person):
        return [event["reason"] for event in self.events(person)
                if event["type"] == "security.warning"]

    def assert_warnings(self, person, wanted):
        """What led to one may be known before it is kept."""
        rig.wait_for(lambda: len(self.warnings(person)) >= len(wanted), f"warnings: {wanted}")
        self.assertEqual(self.warnings(person), wanted)

    def test_older_copy(self):
        """What it lost it is given again; what it said since then the other side keeps."""
        self.say(range(50))
        self.back_up(self.alice)
        self.say(range(50, 100))
        last = self.alice.call("status")["log"]["last_seq"]
        self.restore(self.alice)
        self.queue(self.bob, range(100, 110))
        with self.alice.start() as reader:
            self.assertLess(reader.call("events.subscribe", since=last)["from"], last)
        self.queue(self.alice, range(100, 110))
        self.wait_until_delivered()
        self.assert_history(self.alice, [range(110)], [range(50), range(100, 110)])
        self.assert_history(self.bob, [range(110)], [range(110)])
        self.assert_warnings(self.alice, ["database_restored"])
        self.assert_warnings(self.bob, [])

    def test_older_copy_made_while_stopped(self):
        """All that was said since then is of epochs that the copy does not know."""
        self.say(range(10))
        self.alice.end()
        self.back_up(self.alice)
        self.alice.start()
        self.say(range(10, 20))
        for _ in range(2):  # it is warned of once
            self.restore(self.alice)
            self.alice.start()
            self.say(range(20, 25))
            self.assert_warnings(self.alice, ["database_restored"])
            self.alice.end()
            self.back_up(self.alice)
        self.assert_warnings(self.bob, [])

    def test_older_copies_of_both(self):
        """Of different age: each is given what the other still has."""
        self.say(range(30))
        self.back_up(self.alice)
        self.say(range(30, 50))
        self.back_up(self.bob)
        self.say(range(50, 100))
        for person in self.both:
            self.restore(person)
        for person in self.both:
            person.start()
        self.say(range(100, 110))
        self.assert_history(self.alice, [range(50), range(100, 110)],
                            [range(30), range(100, 110)])
        self.assert_history(self.bob, [range(50), range(100, 110)], [range(50), range(100, 110)])
        self.assert_warnings(self.alice, ["database_restored"])
        self.assert_warnings(self.bob, [])

    def test_older_copy_with_what_was_queued(self):
        """What was delivered since the copy was made is not delivered again."""
        self.bob.end()
        self.queue(self.alice, range(20))
        self.back_up(self.alice)
        self.bob.start()
        self.wait_until_delivered()
        self.restore(self.alice)
        self.alice.start()
        self.say(range(20, 30))
        self.assert_history(self.bob, [range(30)], [range(20, 30)])
        self.assert_history(self.alice, [range(20, 30)], [range(30)])

    def test_older_copy_of_what_is_no_longer_kept(self):
        """What the other side's log has removed meanwhile is told as a gap, and the rest follows."""
        count = 1000
        self.padding = " " + "." * 1000
        self.queue(self.alice, range(10))
        self.wait_until_delivered()
        self.back_up(self.bob)
        self.queue(self.alice, range(10, count))
        self.wait_until_delivered()
        self.restore(self.bob)
        self.assertEqual(self.alice.end(), 0, self.alice.log())
        config = self.write("alice.conf", "[Store]\nRetainBytes=256K\n")
        self.alice.options = (*self.alice.options, f"--config={config}")
        self.alice.start()
        rig.wait_for(lambda: self.alice.call("status")["log"]["first_seq"] > 20, "retention")
        self.bob.start()
        self.queue(self.alice, range(count, count + 10))
        self.wait_until_delivered()

        heard, gone, texts = [], [], []
        for event in self.events(self.bob):
            if event["type"] == "gap":
                self.assertEqual(event["peer"], "alice")
                gone += range(event["from"] - 1, event["to"])
                heard += range(event["from"] - 1, event["to"])
            elif event["type"] == "message.received":
                texts.append(event["text"])
                heard.append(int(event["text"].split()[1]))
        self.assertEqual(heard, list(range(count + 10)))
        self.assertTrue(gone and gone[0] == 10, gone)
        self.assertEqual(texts, self.texts(self.alice, sorted(set(heard) - set(gone))))

    def check_none(self, emptied):
        """The chat is over on both sides, and who has something queued is told. A new chat begins
        with what is said in it."""
        kept = self.other(emptied)
        self.say(range(10))
        self.put_away(emptied)
        self.queue(kept, range(10, 15))
        with kept.client() as watching:
            # An address that only a record names is dialled once a minute: if that was too early,
            # the next time is after up to two minutes.
            watching.socket.settimeout(150 + rig.DEADLINE_S)
            watching.call("events.subscribe")
            emptied.start()
            failed = watching.event("message.failed")
            self.assertEqual(failed["count"], 5)
            self.assertEqual(watching.event("chat.disconnected")["by"], "them")
        self.assertEqual([m["state"] for m in kept.call("history", limit=5)["messages"]],
                         ["failed"] * 5)
        self.assertEqual(emptied.call("contact.list")["contacts"], [])
        self.befriend(emptied, kept)
        self.say(range(20, 30))
        self.assert_history(emptied, [range(20, 30)], [range(20, 30)])
        self.assertEqual([m["text"] for m in kept.call("history", limit=20)["messages"]
                          if m["direction"] == "in"], self.texts(emptied, range(20, 30)))

    def test_none_where_the_chat_was_asked_for(self):
        self.check_none(self.alice)

    def test_none_where_it_was_accepted(self):
        self.check_none(self.bob)

    def test_none_on_both_sides(self):
        self.say(range(10))
        for person in self.both:
            self.put_away(person)
        for person in self.both:
            person.start()
            self.assertEqual(person.call("contact.list")["contacts"], [])
        self.befriend(self.bob, self.alice)
        self.say(range(20, 30))
        for person in self.both:
            self.assert_history(person, [range(20, 30)], [range(20, 30)])


if __name__ == "__main__":
    rig.main()
