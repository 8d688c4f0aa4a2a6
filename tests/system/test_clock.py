"""The wall clock jumps by years, ahead and back, while daemons run and while they are down; the
monotonic clock begins anew, as after a reboot. Nothing is lost, expires or hangs."""

import datetime
import os
import signal
import struct
import subprocess
import time

import rig
import sides

YEAR_S = 366 * 86400
# From the true time. Linux takes no clock before 1970, and none beyond 2232.
JUMPS = (5 * YEAR_S, -5 * YEAR_S, 200 * YEAR_S, -55 * YEAR_S, 0)


class Clock:
    """The wall clock of a daemon."""

    def __init__(self, path):
        self.path = path
        self.seconds = 0  # from the true time
        with open(path, "wb") as file:
            file.write(bytes(8))

    def jump(self, seconds):
        self.seconds = seconds
        with open(self.path, "r+b") as file:  # in place: the daemon has it mapped
            file.write(struct.pack("=q", seconds))

    def now(self):
        epoch = datetime.datetime(1970, 1, 1)
        return epoch + datetime.timedelta(seconds=time.time() + self.seconds)

    def prefix(self):
        """What runs a program under this clock."""
        sanitizers = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        preload = os.path.abspath(rig.program("tests/system/wall_clock.so"))
        return ("env", f"ASAN_OPTIONS={sanitizers}", f"WALL_CLOCK_OFFSET={self.path}",
                f"LD_PRELOAD={preload}")


def rebooted(seconds):
    """What runs a program with a monotonic clock that is off by so much."""
    return ("unshare", "--time", f"--monotonic={seconds}", "--fork", "--kill-child")


class Clocks(rig.People):
    def setUp(self):
        super().setUp()
        names = ("alice", "bob")
        self.clocks = [Clock(self.path(name + ".clock")) for name in names]
        self.people = [self.person(name, prefix=clock.prefix())
                       for name, clock in zip(names, self.clocks)]
        self.alice, self.bob = self.people
        self.befriend(self.alice, self.bob)
        self.asker = self.person("carol")
        self.asked_at = time.monotonic()
        self.asker.call("chat.request", to=self.alice.address())
        self.both = [sides.Side(self, self.alice, "bob", 1), sides.Side(self, self.bob, "alice", 2)]

    def say(self, count):
        for side in self.both:
            side.sender.say(count)

    def wait_for_answers(self):
        for side in self.both:
            side.sender.wait_for(side.sender.is_done, "all answers")

    def jump(self, turn):
        """The two clocks, each elsewhere."""
        self.clocks[0].jump(JUMPS[turn])
        self.clocks[1].jump(JUMPS[-1 - turn])

    def check_that_it_jumped(self):
        for person, clock, peer in zip(self.people, self.clocks, ("bob", "alice")):
            sent = [m for m in person.call("history", peer=peer, limit=300)["messages"]
                    if m["direction"] == "out"]
            said = datetime.datetime.strptime(sent[-1]["time"], "%Y-%m-%dT%H:%M:%S.%fZ")
            self.assertLess(abs(said - clock.now()), datetime.timedelta(days=1), sent[-1])

    def check_that_nothing_expired(self):
        for person in (self.alice, self.asker):
            request, = person.call("chat.requests")["requests"]
            passed = time.monotonic() - self.asked_at
            self.assertTrue(599 - passed <= request["expires_in_s"] <= 600, (request, passed))

    def test_while_running(self):
        away = self.person("dave")
        self.befriend(self.alice, away)
        away.end()
        waiting = self.alice.client()
        patient = waiting.send("chat.message", peer="dave", text="for an hour", wait=True,
                               wait_s=3600)
        for turn in range(len(JUMPS)):
            impatient = waiting.send("chat.message", peer="dave", text=f"for a moment {turn}",
                                     wait=True, wait_s=0.3)
            self.say(100)
            self.jump(turn)
            self.say(100)
            self.wait_for_answers()
            self.check_that_it_jumped()
            self.check_that_nothing_expired()
            self.assertTrue(waiting.result(impatient)["timed_out"])
        waiting.call("status")
        self.assertNotIn(patient, waiting.answers)
        away.start()
        self.assertEqual(waiting.result(patient)["state"], "delivered")
        sides.finish(self, self.both)

    def test_while_down(self):
        for turn in range(len(JUMPS)):
            self.say(100)
            for person in self.people:
                if turn % 2:
                    person.end(signal.SIGKILL)
                else:
                    self.assertEqual(person.end(), 0, person.log())
            self.jump(turn)
            for person in self.people:
                person.start()
            self.say(100)
            self.wait_for_answers()
            self.check_that_it_jumped()
            self.check_that_nothing_expired()
        sides.finish(self, self.both)

    def test_monotonic_clock_begins_anew(self):
        # ahead, back beyond where it was, and forth: the end is by a call, as unshare takes no signal
        year_ahead, just_booted = YEAR_S, 1 - int(time.monotonic())
        if subprocess.run([*rebooted(year_ahead), "true"], stderr=subprocess.DEVNULL,
                          check=False).returncode != 0:
            self.skipTest("this needs time namespaces, and the right to make them")
        for seconds in (year_ahead, just_booted):
            for person, clock in zip(self.people, self.clocks):
                self.say(100)
                person.call("shutdown")
                self.assertEqual(person.process.wait(rig.DEADLINE_S), 0, person.log())
                person.prefix = (*rebooted(seconds), *clock.prefix())
                person.start()
                self.say(100)
            self.wait_for_answers()
            self.check_that_nothing_expired()
        for person, clock in zip(self.people, self.clocks):
            person.call("shutdown")
            self.assertEqual(person.process.wait(rig.DEADLINE_S), 0, person.log())
            person.prefix = clock.prefix()
            person.start()
            self.say(100)
        self.wait_for_answers()
        self.check_that_nothing_expired()
        sides.finish(self, self.both)


if __name__ == "__main__":
    rig.main()
