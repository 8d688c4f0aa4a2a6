"""Restarts of a service: links are back at once, nothing is lost, and who follows events goes on
(p2pchatd(8), As a service).

ROUNDS says how often it is restarted under load (200), SEED which moments."""

import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
import time

import machine
import rig
import sides
import watches

ROUNDS = int(os.environ.get("ROUNDS") or 200)
SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))

OTHER = """
[Service]
Type=notify
ExecStart=p2pchatd --name=bob --listen=127.0.0.1:28480 --socket=/run/bob/control.sock
User=p2pchat
RuntimeDirectory=bob
StateDirectory=bob
Restart=on-failure
"""
# systemd takes so many in so short a time for a loop.
OFTEN = "[Unit]\nStartLimitIntervalSec=0\n"


class Node(rig.Daemon):
    """A service of a machine, used from outside through its socket."""

    def __init__(self, top, m, name, unit, socket):
        super().__init__(top, name)
        self.machine, self.unit = m, unit
        self.socket = m.path(socket)

    def address(self):
        return "127.0.0.1:" + self.call("status")["listen"][0].rpartition(":")[2]

    def restart(self):
        self.machine.run("systemctl", "restart", self.unit)

    def crash(self):
        """Returns when systemd has started it again."""
        before = self.machine.main_pid(self.unit)
        self.machine.run("systemctl", "kill", "--signal=KILL", self.unit)
        rig.wait_for(lambda: self.machine.main_pid(self.unit) not in (0, before) and
                     self.machine.show(self.unit, "SubState") == "running", "another process")

    def is_linked(self):
        return self.call("status")["links"] == 1


class Restart(machine.Test, rig.People):
    def setUp(self):
        super().setUp()
        m = self.m = self.machine()
        m.write("/etc/p2pchat/p2pchatd.conf", "[Node]\nName=alice\n")
        m.unit("bob.service", OTHER)
        m.drop_in("p2pchatd.service", OFTEN)
        m.drop_in("p2pchatd.socket", OFTEN)
        m.drop_in("bob.service", OFTEN)
        m.boot()
        m.run("systemctl", "start", "bob.service")
        self.alice = Node(self.top, m, "alice", "p2pchatd.service", "/run/p2pchat/control.sock")
        self.bob = Node(self.top, m, "bob", "bob.service", "/run/bob/control.sock")
        self.befriend(self.alice, self.bob)

    def wait_for_link(self):
        rig.wait_for(lambda: self.alice.is_linked() and self.bob.is_linked(), "the link")

    def test_links_are_back(self):
        """within a second after a restart, when nothing else happens"""
        taken = []

        def check():
            for node in [self.alice, self.bob] * 3:
                self.wait_for_link()
                node.restart()
                started = time.monotonic()
                self.wait_for_link()
                taken.append(time.monotonic() - started)
            self.assertLess(max(taken[-6:]), 1)

        rig.in_some_round(check)
        print("# links were back after", *(f"{seconds:.2f} s" for seconds in taken), flush=True)

    def test_watch_goes_on(self):
        """one that was started before prints on, each event once"""
        watch = watches.Watch(self, self.alice, "bob")
        for number in range(3):
            self.alice.restart()
            self.bob.call("chat.message", peer="alice", text=f"message {number}")
            rig.wait_for(lambda: watch.read() and self.texts(watch)[-1:] == [f"message {number}"],
                         "the message to be printed")
        self.assertEqual(self.texts(watch), ["message 0", "message 1", "message 2"])
        self.assertEqual(watch.end(), 0)
        self.assertEqual(watch.repeated(), 0)

    def test_who_asks(self):
        """is not told of it: what was not read is asked again"""
        said = self.path("said")
        asking = "while p2pchatctl --json --timeout=3600 %s; do :; done"
        self.alice.call("status")
        with open(said, "w+", encoding="utf-8") as errors:
            asked = [self.m.spawn("sh", "-c", asking % command, stderr=errors,
                                  stdout=subprocess.DEVNULL)
                     for command in 2 * ("status", "contact list", "chat message bob hi")]
            for _ in range(20):
                self.alice.restart()
            codes = [process.poll() for process in asked]
            for process in asked:
                process.kill()
                process.wait()
            errors.seek(0)
            self.assertEqual((codes, errors.read()), (len(asked) * [None], ""))

    @staticmethod
    def texts(watch):
        return [event["text"] for event in watch.events if event["type"] == "message.received"]

    def test_under_load(self):
        started = time.monotonic()
        chance = random.Random(SEED)
        both = [sides.Side(self, self.alice, "bob", SEED + 1),
                sides.Side(self, self.bob, "alice", SEED + 2)]
        for side in both:
            side.watches = [watches.Watch(self, side.daemon, side.peer, "watch")]
        for _ in range(ROUNDS):
            for side in both:
                side.watches[0].tend()
                side.sender.say(chance.choice([0, 1, chance.randrange(200)]))
            self.let_some_pass(chance, chance.choice(both))
            node = chance.choice([self.alice, self.alice, self.bob])
            (node.crash if chance.random() < 0.05 else node.restart)()
        messages = sum(side.sender.wanted for side in both)
        for side in both:
            side.wait_for_the_end(messages)
        for side, other in (both, both[::-1]):
            side.check(self, other)
        self.assert_sound()
        print(f"# SEED={SEED}: {ROUNDS} restarts in {time.monotonic() - started:.0f} s, "
              f"{messages} messages", flush=True)

    @staticmethod
    def let_some_pass(chance, side):
        """Some of what was said is answered, or nothing, or all."""
        enough = chance.randint(len(side.sender.answers), side.sender.wanted)
        side.sender.wait_for(lambda: len(side.sender.answers) >= enough, "answers")

    def assert_sound(self):
        for unit, place in (("p2pchatd.service", "p2pchat"), ("bob.service", "bob")):
            self.m.run("systemctl", "stop", unit)
            self.assertEqual(self.m.show(unit, "Result"), "success")
            # SQLite would follow /proc/…/root to the files of this machine.
            copy = shutil.copy(self.m.path(f"/var/lib/{place}/p2pchat.db"), self.path(place + ".db"))
            with contextlib.closing(sqlite3.connect(copy)) as database:
                self.assertEqual(database.execute("PRAGMA quick_check").fetchall(), [("ok",)])
            said = self.m.messages(f"--unit={unit}", "_COMM=p2pchatd", "--priority=warning")
            self.assertEqual(said, "")


if __name__ == "__main__":
    print(f"# SEED={SEED}", flush=True)
    machine.main()
