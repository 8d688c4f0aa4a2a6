"""p2pchatctl watch as a process that prints while daemons die, and that dies itself."""

import json
import os
import subprocess
from bisect import bisect_left, bisect_right

import rig

EXPECTED = (  # that it says on standard error while daemons die
    "the daemon went away; waiting for it to come back",
    "the daemon is back",
    "start one with 'p2pchatd', or say --socket=PATH",
    "the daemon closed the connection without an answer; what it had begun may be done",
    "the connection was closed before anybody read what was asked; ask again")


class Watch:
    """`watch --json`, with --as=NAME or from the beginning, whose output is a file. Each run of it
    is told of by where it must go on, and where in `events` what it printed begins."""

    def __init__(self, test, daemon, peer, name=None):
        self.daemon = daemon
        self.name = name
        self.command = [rig.program("p2pchatctl"), f"--socket={daemon.socket}", "--json", "watch",
                        f"--peer={peer}", f"--as={name}" if name else "--since=0"]
        self.path = f"{daemon.state}.{name or 'plain'}"
        self.events = []  # that have a seq, as they were printed
        self.runs = []  # [(seq, index)]
        self.rest = b""  # of a line that is not whole yet
        self.output = open(self.path, "w+b", buffering=0)
        test.addCleanup(self.output.close)
        test.addCleanup(self.clean_up)
        self.process = None
        self.start(0)
        if name:
            rig.wait_for(lambda: self.place() is not None, f"{name} to be known")
            self.runs = [(self.place(), 0)]
        else:
            rig.wait_for(self.read, "the first event")

    def start(self, place):
        self.runs.append((place, len(self.events)))
        with open(self.path, "ab") as output, open(self.path + ".notes", "ab") as notes:
            self.process = subprocess.Popen(self.command, stdout=output, stderr=notes)

    def place(self):
        """What the daemon keeps as its place."""
        return {each["consumer"]: each["seq"] for each in
                self.daemon.call("events.consumers")["consumers"]}.get(self.name)

    def read(self):
        """Takes in what was printed since the last time; returns the last seq."""
        *lines, self.rest = (self.rest + self.output.read()).split(b"\n")
        self.events += [event for event in map(json.loads, lines) if event["seq"] is not None]
        return self.events[-1]["seq"] if self.events else 0

    def end(self):
        """Returns the exit status."""
        self.process.terminate()
        return self.process.wait(rig.DEADLINE_S)

    def restart(self):
        """After its end, while the daemon is there."""
        self.read()
        self.start(self.place())

    def kill(self):
        self.process.kill()
        self.process.wait(rig.DEADLINE_S)
        self.read()
        self.output.seek(-len(self.rest), os.SEEK_CUR)  # a line that was cut is none
        self.output.truncate()
        self.rest = b""

    def tend(self):
        """Starts it again if its daemon was away, or died, just when it began."""
        if self.process.poll() is not None:
            if self.process.returncode not in (1, 3):
                raise AssertionError(f"{self.name} ended with {self.process.returncode}")
            self.restart()

    def notes(self):
        with open(self.path + ".notes", encoding="utf-8") as notes:
            return notes.read().splitlines()

    def clean_up(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(rig.DEADLINE_S)

    def repeated(self):
        """How many events were printed again."""
        return len(self.events) - len({event["seq"] for event in self.events})

    def check(self, test, events):
        """Of these events each run printed all from its place on, in order, as far as it came, and
        none was left out between two runs."""
        seqs = [event["seq"] for event in events]
        ends = [index for _, index in self.runs[1:]] + [len(self.events)]
        reached = self.runs[0][0]
        for (place, begin), end in zip(self.runs, ends):
            printed = self.events[begin:end]
            test.assertLessEqual(place, reached)
            if not printed:
                continue
            first, last = printed[0]["seq"], printed[-1]["seq"]
            test.assertGreater(first, place)
            test.assertEqual(printed, events[bisect_left(seqs, first):bisect_right(seqs, last)])
            test.assertEqual(seqs[bisect_right(seqs, reached):bisect_left(seqs, first)], [])
            reached = max(reached, last)
        test.assertEqual(reached, seqs[-1])
        test.assertEqual([note for note in self.notes() if not note.endswith(EXPECTED)], [])
