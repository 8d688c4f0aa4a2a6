"""Readers of events that stop for a minute while a conversation goes on, and readers whose daemon is
restarted: nothing is missing, and nothing comes twice. What both sides of the conversation have is
compared event by event; test_watch.py has the finer cases of one watch.

STOPPED_S says for how long they stop (60)."""

import os
import select
import signal

import rig
import sides
import watches

STOPPED_S = float(os.environ.get("STOPPED_S") or 60)
RESTARTS = 20


class Reader(rig.People):
    def setUp(self):
        super().setUp()
        self.alice, self.bob = self.pair()

    def watch(self, name):
        return watches.Watch(self, self.bob, "alice", name)

    def listen(self):
        """Bob's side, with two named readers, and alice's."""
        self.both = [sides.Side(self, self.bob, "alice", 1), sides.Side(self, self.alice, "bob", 2)]
        return self.both[1].sender

    def test_stopped_for_a_minute(self):
        """One is stopped by a signal and goes on; one ends, and another one of its name begins; one
        is stopped and then killed."""
        stopped, ended, killed = (self.watch(name) for name in ("stopped", "ended", "killed"))
        sender = self.listen()
        sender.say(1000)
        rig.wait_for(lambda: min(watch.read() for watch in (stopped, ended, killed)) > 0, "events")
        self.assertEqual(ended.end(), 0)
        for watch in (stopped, killed):
            watch.process.send_signal(signal.SIGSTOP)
        for _ in range(int(STOPPED_S * 10)):
            if sender.wanted - len(sender.answers) < 1000:  # more would not come through sooner
                sender.say(100)
            select.select([], [], [], 0.1)
        stopped.process.send_signal(signal.SIGCONT)
        ended.restart()
        killed.kill()
        killed.restart()
        self.both[0].watches += [stopped, ended, killed]
        print(f"# {sides.finish(self, self.both)} messages", flush=True)
        for watch in (stopped, ended):
            self.assertEqual(watch.repeated(), 0)

    def test_restarts_of_the_daemon(self):
        """It ends by itself, and it is killed."""
        named, plain = self.watch("named"), self.watch(None)
        sender = self.listen()
        for turn in range(RESTARTS):
            sender.say(200)
            before = self.both[0].reader.seq
            rig.wait_for(lambda: self.both[0].reader.seq > before, "events")
            if turn % 2:
                self.bob.end(signal.SIGKILL)
            else:
                self.assertEqual(self.bob.end(), 0, self.bob.log())
            self.bob.start()
        self.both[0].watches += [named, plain]
        sides.finish(self, self.both)
        for watch in (named, plain):
            self.assertEqual(watch.repeated(), 0)


if __name__ == "__main__":
    rig.main()
