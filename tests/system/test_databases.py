#!/usr/bin/env python3
"""Databases that another program made: of an older version, which is brought up to date; of a newer
one, or by another identity, which is refused with what to do."""

import contextlib
import os
import signal
import sqlite3

import rig

DATA = os.path.join(os.environ.get("top_srcdir", "."), "tests/data")
OLDER = 1, 2, 3  # schemas, of which there is a database each


class Databases(rig.People):
    def setUp(self):
        super().setUp()
        self.alice = self.daemon("alice")
        self.alice.start()
        self.assertEqual(self.alice.end(), 0)
        with self.database() as database:
            (self.key,) = database.execute("SELECT value FROM meta WHERE name = 'key'").fetchone()

    @contextlib.contextmanager
    def database(self):
        with contextlib.closing(sqlite3.connect(self.path("alice", "p2pchat.db"))) as database:
            with database:
                yield database

    def put_older(self, schema):
        """The saved database, as if this node had made it."""
        saved_path = os.path.join(DATA, f"store_{schema}.sql")
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path("alice", "p2pchat.db" + suffix))
        with self.database() as database, open(saved_path, encoding="utf-8") as saved:
            database.executescript("PRAGMA journal_mode=WAL;" + saved.read())
            database.execute("UPDATE meta SET value = ? WHERE name = 'key'", (self.key,))

    def schema(self):
        with self.database() as database:
            return database.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()[0]

    def assert_all_there(self):
        contacts = self.alice.call("contact.list")["contacts"]
        self.assertEqual({c["alias"]: (c["consent"], c["blocked"]) for c in contacts},
                         {"bobby": ("mutual", False), "carol": ("none", True),
                          "dave": ("was_asked", False), "erin": ("asked", False)})
        self.assertEqual({r["request"] for r in self.alice.call("chat.requests")["requests"]},
                         {"r3", "r4"})
        messages = self.alice.call("history", limit=1000)["messages"]
        states = [m["state"] for m in messages]
        self.assertEqual({state: states.count(state) for state in states},
                         {"received": 10, "delivered": 10, "queued": 3, "failed": 1})
        self.assertIn("to bob 0\nsecond line \u2603 \u5929\u6c14", [m["text"] for m in messages])
        self.assertEqual(self.alice.call("status")["queued"], 3)

    def test_older(self):
        migrated = 0
        for schema in OLDER:
            with self.subTest(schema=schema):
                self.put_older(schema)
                self.alice.start()
                self.assert_all_there()
                send = {"peer": "bobby", "text": "waits 1"}
                self.assertEqual(self.alice.call("chat.message", key="waiting-1", **send)["seq"],
                                 41)
                with self.alice.client() as reader:
                    reader.call("events.subscribe", since=40)
                    self.assertEqual(reader.event()["seq"], 41)
                consumers = self.alice.call("events.consumers")["consumers"]
                self.assertEqual([c["consumer"] for c in consumers],
                                 ["archive@home", "bot"] if schema >= 2 else [])
                self.alice.end(signal.SIGKILL)
                self.assertEqual(self.schema(), 4)
                self.alice.start()
                self.assert_all_there()
                self.assertEqual(self.alice.end(), 0)
                migrated += 1  # once, and not at the second start
                self.assertEqual(self.alice.log().count("code=database_migrated"), migrated)

    def test_older_of_another_identity(self):
        for schema in OLDER:
            with self.subTest(schema=schema):
                self.put_older(schema)
                with self.database() as database:
                    database.execute("UPDATE meta SET value = zeroblob(32) WHERE name = 'key'")
                code, said = self.alice.refusal()
                self.assertEqual(code, 78, said)
                self.assertIn("another identity key than the one in use: put that key back", said)
                self.assertEqual(self.schema(), schema)

    def test_newer(self):
        with self.database() as database:
            database.execute("UPDATE meta SET value = 99 WHERE name = 'schema'")
        code, said = self.alice.refusal()
        self.assertEqual(code, 78, said)
        self.assertIn("has schema 99", said)
        self.assertIn("start the newer program", said)
        self.assertEqual(self.schema(), 99)


if __name__ == "__main__":
    rig.main()
