"""kill -9 of one daemon, of the other and of both, again and again, while both say messages and
programs read. In the end everything was kept once, delivered once and told once, in order.

ROUNDS says how often (100), SEED which moments; `make soak` plays many rounds."""

import os
import random
import select
import signal
import time

import rig
import sides
import watches

ROUNDS = int(os.environ.get("ROUNDS") or 100)
SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))


class Kill(rig.People):
    def test_kill(self):
        started = time.monotonic()
        self.random = random.Random(SEED)
        alice, bob = self.pair()
        self.both = [sides.Side(self, alice, "bob", SEED + 1),
                      sides.Side(self, bob, "alice", SEED + 2)]
        self.killed = []  # watches that are killed, too
        for side in self.both:
            side.watches = [watches.Watch(self, side.daemon, side.peer, name)
                            for name in ("watch", "killed")]
            self.killed.append(side.watches[1])
        for _ in range(ROUNDS):
            self.round()
        messages = sides.finish(self, self.both)
        repeated = sum(side.sender.repeated for side in self.both)
        told_again = (sum(side.consumer.repeated for side in self.both),
                      sum(watch.repeated() for watch in self.killed))
        self.assertEqual([side.watches[0].repeated() for side in self.both], [0, 0])
        print(f"# SEED={SEED}: {ROUNDS} rounds in {time.monotonic() - started:.0f} s, {messages} "
              f"messages, {repeated} repeated; told again to consumers: {told_again}", flush=True)

    def round(self):
        for watch in self.killed:
            watch.tend()
            if self.random.random() < 0.1:
                watch.kill()
                watch.restart()
        for side in self.both:
            side.sender.say(self.random.choice([0, 1, self.random.randrange(200)]))
        self.wait_for_a_moment()
        victims = self.random.choice([[0], [1], [0, 1], [1, 0]])
        victims = [self.both[victim].daemon for victim in victims]
        self.kill(victims)
        for victim in victims:
            while self.random.random() < 0.2:  # it dies while it starts
                victim.spawn()
                self.let_pass(0.03)
                self.kill([victim])
            victim.start()

    def wait_for_a_moment(self):
        """Some time, some progress, or nothing at all."""
        kind = self.random.choice(["time", "answers", "events", "ready"])
        side = self.random.choice(self.both)
        if kind == "time":
            self.let_pass(0.15)
        elif kind == "answers":
            enough = self.random.randint(len(side.sender.answers), side.sender.wanted)
            side.sender.wait_for(lambda: len(side.sender.answers) >= enough, "answers")
        elif kind == "events":
            told = side.reader.seq
            side.reader.wait_for(lambda: side.reader.seq > told or self.is_quiet(), "an event")

    def is_quiet(self):
        return all(side.sender.is_done() for side in self.both)

    def let_pass(self, seconds):
        """A time by chance, up to this: it makes the moments random, and nothing depends on it."""
        select.select([], [], [], self.random.uniform(0, seconds))

    @staticmethod
    def kill(victims):
        for victim in victims:
            victim.process.send_signal(signal.SIGKILL)
        for victim in victims:
            victim.end(signal.SIGKILL)


if __name__ == "__main__":
    print(f"# SEED={SEED}", flush=True)
    rig.main()
