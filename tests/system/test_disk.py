"""Disks that are full, that fail, and that are damaged, under running daemons (p2pchatd(8), Disks
that fail): whatever was answered is kept, what was not is said so, everything that needs no disk
goes on, and all goes on by itself when the disk is well."""

import os
import resource
import select
import shutil
import signal
import socket
import sqlite3
import subprocess

import rig

FULL, FAILS, WORKS = "there is no room for the log: ", "the log fails: ", "the log works again"
INPUT_OUTPUT = "disk I/O error: Input/output error"
UNLIMITED = resource.RLIM_INFINITY


class Tmpfs:
    """A file system of 4 MiB for a state directory; for root only."""
    reason = "writing: database or disk is full: No space left on device"

    def __init__(self, test, place):
        if os.geteuid() != 0:
            test.skipTest("only root may mount a small file system")
        self.place = place
        os.makedirs(place, mode=0o700)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4M,mode=700", "none", place],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            test.skipTest(f"no file system can be mounted here: {done.stderr.strip()}")
        test.addCleanup(subprocess.run, ["umount", "-l", place], check=True)
        self.filler = os.path.join(place, "filler")

    def fill(self, _):
        """Leaves room for a few messages only."""
        left = os.statvfs(self.place)
        with open(self.filler, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, left.f_bavail * left.f_frsize - (64 << 10))

    def clear(self, _):
        os.unlink(self.filler)


class FileSize:
    """A limit on the size of files: the log may not grow, although the disk has room."""
    reason = "writing: disk I/O error: File too large"

    def __init__(self, _, place):
        self.place = place

    def fill(self, daemon):
        wal = os.path.getsize(os.path.join(self.place, "p2pchat.db-wal"))
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (wal + (64 << 10), UNLIMITED))

    def clear(self, daemon):
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (UNLIMITED, UNLIMITED))


class Disk(rig.People):
    def assert_log_state(self, daemon, state, reason):
        log = daemon.call("status")["log"]
        self.assertEqual((log["state"], log.get("reason")), (state, reason))

    def wait_until_it_works(self, daemon):
        rig.wait_for(lambda: daemon.call("status")["log"]["state"] == "ok", "a disk that is well")

    def assert_told_once(self, daemon, what):
        """That it began, and, when it has been well for a while, that it is over."""
        rig.wait_for(lambda: WORKS in daemon.log(), "the log to say that it works again")
        self.assertEqual((daemon.log().count(what), daemon.log().count(WORKS)), (1, 1),
                         daemon.log())

    def texts(self, daemon, direction):
        """All that was said or heard, by pages."""
        found, before = [], 0
        while before is not None:
            page = daemon.call("history", limit=1000, **({"before": before} if before else {}))
            found = page["messages"] + found
            before = page["next"]
        return [one["text"] for one in found if one["direction"] == direction]

    def assert_linked(self, one, other):
        peers = one.call("chat.connected")["peers"]
        self.assertEqual([(peer["alias"], peer["online"]) for peer in peers], [(other.name, True)])


class Full(Disk):
    """Alice's disk is full; bob's is not."""

    def set_up(self, kind):
        room = kind(self, self.path("alice"))
        alice, bob = self.person("alice"), self.person("bob")
        self.befriend(alice, bob)
        return room, alice, bob

    def say_until_full(self, alice, said):
        """Adds the texts that were answered to those that were before."""
        while True:
            text = f"{len(said)} " + "x" * 4000
            try:
                alice.call("chat.message", peer="bob", text=text, key=f"k{len(said)}")
            except rig.Refused as refused:
                self.assertEqual(refused.name, "storage_full")
                return
            said.append(text)
            self.assertLess(len(said), 1000)

    def goes_on(self, kind):
        room, alice, bob = self.set_up(kind)
        follower = bob.client()
        follower.call("events.subscribe")
        room.fill(alice)
        said = []
        self.say_until_full(alice, said)
        self.assert_log_state(alice, "full", room.reason)
        self.assertEqual(alice.log().count(FULL + room.reason), 1)

        # Everything else goes on, and what is for her waits where it is.
        self.assertEqual(alice.call("identity")["name"], "alice")
        self.assert_linked(alice, bob)
        for number in range(20):
            bob.call("chat.message", peer="alice", text=f"bob's {number}")
        self.assertGreaterEqual(bob.call("status")["queued"], 1)
        self.say_until_full(alice, said)  # there is room again where the WAL was copied meanwhile
        self.assert_linked(bob, alice)

        room.clear(alice)
        self.wait_until_it_works(alice)
        rig.wait_until_delivered(bob)
        self.assertEqual(self.texts(alice, "in"), [f"bob's {number}" for number in range(20)])
        for _ in range(2):  # the one that was refused, with its key
            alice.call("chat.message", peer="bob", text=f"{len(said)} " + "x" * 4000,
                       key=f"k{len(said)}", wait=True)
        said.append(f"{len(said)} " + "x" * 4000)
        self.assertEqual(self.texts(bob, "in"), said)
        self.assertEqual([follower.event("message.received")["text"] for _ in said], said)
        self.assert_told_once(alice, FULL)
        self.assertNotIn("peer.offline", [event["type"] for event in follower.events])

        alice.end(signal.SIGKILL)
        alice.start()
        self.assertEqual(self.texts(alice, "out"), said)
        self.assertEqual(len(self.texts(alice, "in")), 20)

    def test_no_room_on_the_file_system(self):
        self.goes_on(Tmpfs)

    def test_no_room_for_a_larger_file(self):
        self.goes_on(FileSize)

    def test_killed_while_full(self):
        room, alice, bob = self.set_up(Tmpfs)
        room.fill(alice)
        said = []
        self.say_until_full(alice, said)
        alice.end(signal.SIGKILL)
        status, log = alice.refusal()  # a start needs a little room, and says so
        self.assertEqual(status, 74, log)
        self.assertIn("No space left on device", log.splitlines()[-1])
        room.clear(alice)
        alice.start()
        self.assertEqual(self.texts(alice, "out"), said)
        rig.wait_for(lambda: self.texts(bob, "in") == said, "all that was answered")

    def test_burst(self):
        """Many calls at once: those that were answered are kept, in their order, the others are
        not."""
        room, alice, bob = self.set_up(Tmpfs)
        client = alice.client()
        room.fill(alice)
        answers, sent, refusals = [], 0, 0
        while refusals == 0:
            calls = client.send_all([("chat.message", {"peer": "bob", "text": f"{number} xxxxx"})
                                     for number in range(sent, sent + 20)])
            for number, call in enumerate(calls, sent):
                try:
                    answers.append((client.result(call)["seq"], number))
                except rig.Refused as refused:
                    self.assertEqual(refused.name, "storage_full")
                    refusals += 1
            sent += 20
            self.assertLess(sent, 10000)
        self.assertGreater(len(answers), 1)
        self.assertEqual(answers, sorted(answers))
        room.clear(alice)
        rig.wait_until_delivered(alice)
        self.assertEqual([int(text.split()[0]) for text in self.texts(bob, "in")],
                         [number for _, number in answers])


class Trace:
    """Lets system calls of a running daemon fail or take long, from begin to end."""

    def __init__(self, test, daemon):
        if shutil.which("strace") is None:
            test.skipTest("strace is missing: apt-get install strace")
        self.test = test
        self.daemon = daemon

    def begin(self, call, what="error=EIO"):
        process = subprocess.Popen(
            ["strace", "-f", "-o", os.devnull, "-e", f"trace={call}",
             "-e", f"inject={call}:{what}", "-p", str(self.daemon.process.pid)],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        attached = process.stderr.readline()
        if "attached" not in attached:
            process.wait(rig.DEADLINE_S)
            process.stderr.close()
            self.test.skipTest(f"strace may not attach to processes here: {attached.strip()}")
        self.test.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(rig.DEADLINE_S)
        process.stderr.close()


class Failing(Disk):
    def test_syncs_fail(self):
        alice, bob = self.pair()
        trace = Trace(self, alice)
        kept = alice.call("chat.message", peer="bob", text="before", wait=True)["seq"]
        strace = trace.begin("fdatasync")
        for _ in range(3):
            self.assert_refused("storage_failed", alice.call, "chat.message", peer="bob",
                                text="perhaps", key="k")
        self.assert_log_state(alice, "failing", "writing: " + INPUT_OUTPUT)
        bob.call("chat.message", peer="alice", text="to her")
        self.assert_linked(alice, bob)
        trace.end(strace)

        self.wait_until_it_works(alice)
        again = alice.call("chat.message", peer="bob", text="perhaps", key="k", wait=True)
        self.assertGreater(again["seq"], kept)
        self.assertEqual(self.texts(bob, "in"), ["before", "perhaps"])
        rig.wait_for(lambda: self.texts(alice, "in") == ["to her"], "the message to her")
        self.assert_told_once(alice, f"{FAILS}writing: {INPUT_OUTPUT}")

    def test_killed_while_syncs_fail(self):
        """What failed may be there afterwards; with its key it is there once."""
        alice, bob = self.pair()
        trace = Trace(self, alice)
        strace = trace.begin("fdatasync")
        self.assert_refused("storage_failed", alice.call, "chat.message", peer="bob",
                            text="perhaps", key="k")
        alice.end(signal.SIGKILL)
        trace.end(strace)
        alice.start()
        alice.call("chat.message", peer="bob", text="perhaps", key="k", wait=True)
        self.assertEqual(self.texts(alice, "out"), ["perhaps"])
        self.assertEqual(self.texts(bob, "in"), ["perhaps"])

    def test_reads_fail(self):
        alice, _ = self.pair()
        trace = Trace(self, alice)
        for number in range(30):
            alice.call("chat.message", peer="bob", text=f"{number} " + "x" * 50000)
        strace = trace.begin("pread64")
        self.assert_refused("storage_failed", alice.call, "history", limit=1000)
        self.assert_log_state(alice, "failing", "reading: " + INPUT_OUTPUT)
        trace.end(strace)
        self.assertEqual(len(self.texts(alice, "out")), 30)
        self.assert_log_state(alice, "ok", None)
        self.assert_told_once(alice, f"{FAILS}reading: {INPUT_OUTPUT}")


class Slow(Disk):
    """A disk that takes its time: what waits for it is bounded."""

    @staticmethod
    def is_read_from(client, daemon):
        """Whether there comes to be room to send: a daemon that reads on does so while it serves
        others."""
        for _ in range(20):
            if select.select([], [client.socket], [], 0)[1]:
                return True
            daemon.call("status")
        return False

    def test_what_waits_for_the_disk_is_bounded(self):
        alice, bob = self.pair()
        bob.end()
        text = "x" * 60000
        line = b'{"jsonrpc":"2.0","id":%d,"method":"chat.message","params":' \
            b'{"peer":"bob","text":"' + text.encode() + b'"}}\n'
        trace = Trace(self, alice)
        client = alice.client()
        strace = trace.begin("fdatasync", "delay_enter=3600000000")
        taken, number, rest = 0, 0, b""
        while number < 600:
            if not rest:
                number += 1
                rest = line % number
            if not self.is_read_from(client, alice):
                break
            sent = client.socket.send(rest, socket.MSG_DONTWAIT)
            taken, rest = taken + sent, rest[sent:]
        self.assertIn(taken >> 20, (15, 16, 17))
        self.assertEqual(alice.call("status")["log"]["state"], "ok")  # others are served
        trace.end(strace)
        client.send_bytes(rest)
        client.sent = number
        seqs = [client.result(call)["seq"] for call in range(1, number + 1)]
        self.assertEqual(seqs, sorted(seqs))
        self.assertEqual(alice.call("status")["queued"], number)


class Damaged(Disk):
    """A database that is not what was written. Alice has said enough to fill many pages."""

    def setUp(self):
        super().setUp()
        self.alice, bob = self.pair()
        for number in range(40):
            self.alice.call("chat.message", peer="bob", text=f"{number} " + "x" * 20000)
        rig.wait_until_delivered(self.alice)
        bob.end()
        self.stop()
        self.database = os.path.join(self.alice.state, "p2pchat.db")
        self.demand = self.database + "-check"

    def stop(self):
        """Ends, and copies all into the database, as every start does."""
        self.assertEqual(self.alice.end(), 0)
        self.alice.start()
        self.assertEqual(self.alice.end(), 0)

    def damage(self):
        with open(self.database, "r+b") as file:
            pages = os.path.getsize(self.database) // 4096
            for page in range(pages // 3, 2 * pages // 3):
                file.seek(page * 4096)
                file.write(b"\xff" * 16)

    def refuses(self, *says):
        status, log = self.alice.refusal()
        self.assertEqual(status, 78, log)
        for words in says:
            self.assertIn(words, log.splitlines()[-1])

    def test_damage_that_is_met(self):
        malformed = "reading: database disk image is malformed"
        self.damage()
        self.alice.start()
        self.assert_refused("storage_failed", self.alice.call, "history", limit=1000)
        self.assert_log_state(self.alice, "failing", malformed)
        self.assertIn(f"{FAILS}{malformed}; the next start checks all of it", self.alice.log())
        self.assertEqual(self.alice.call("history", limit=1)["messages"][0]["text"][:3], "39 ")
        self.assert_log_state(self.alice, "failing", malformed)
        self.assertEqual(self.alice.end(), 0)
        self.assertTrue(os.path.exists(self.demand))
        self.refuses("p2pchat.db is damaged", "restore it, with its -wal, from a backup")
        self.assertTrue(os.path.exists(self.demand))

    def test_check_on_demand(self):
        with open(self.demand, "wb"):
            pass
        self.alice.start()
        self.assertFalse(os.path.exists(self.demand))
        self.assertIn("p2pchat.db is whole", self.alice.log())
        self.assertEqual(len(self.texts(self.alice, "out")), 40)
        self.stop()
        self.damage()
        with open(self.demand, "wb"):
            pass
        self.refuses("p2pchat.db is damaged", "or move both away to begin with an empty log")
        for name in os.listdir(self.alice.state):
            if name in ("p2pchat.db", "p2pchat.db-wal", "p2pchat.db-shm"):
                os.unlink(os.path.join(self.alice.state, name))
        self.alice.start()
        self.assertEqual(self.texts(self.alice, "out"), [])
        self.assertFalse(os.path.exists(self.demand))

    def test_cut_short(self):
        os.truncate(self.database, os.path.getsize(self.database) - 4096)
        self.refuses("p2pchat.db is damaged", "restore it")

    def test_no_database(self):
        with open(self.database, "r+b") as file:
            file.write(b"something else entirely")
        self.refuses("p2pchat.db is damaged", "restore it")

    def test_newer_schema(self):
        with sqlite3.connect(self.database) as database:
            database.execute("UPDATE meta SET value = 4711 WHERE name = 'schema'")
        database.close()
        self.refuses("has schema 4711", "start the newer program that it was used with")

    def test_other_identity(self):
        carol = self.person("carol")
        self.assertEqual(carol.end(), 0)
        shutil.copy(os.path.join(carol.state, "identity.key"), self.alice.state)
        self.refuses("was made by another identity key", "put that key back, or move the database")


if __name__ == "__main__":
    rig.main()
