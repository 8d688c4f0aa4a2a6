"""p2pchatctl watch as a process that prints while daemons die, or is killed itself."""

import json
import os
import subprocess

import rig


class Watch:
    """p2pchatctl watch --as=NAME --json, whose output is a file."""

    def __init__(self, test, daemon, peer, name):
        self.daemon = daemon
        self.name = name
        self.command = [rig.program("p2pchatctl"), f"--socket={daemon.socket}", "--json", "watch",
                        f"--as={name}", f"--peer={peer}"]
        self.path = f"{daemon.state}.{name}"
        self.events = []  # that have a seq, as they were printed
        self.first = []   # of which incarnations: (place, how many were printed before)
        self.rest = b""
        self.output = open(self.path, "w+b", buffering=0)
        test.addCleanup(self.output.close)
        test.addCleanup(self.clean_up)
        self.process = None
        self.start(0)
        rig.wait_for(self.place, f"{name} to be known")

    def start(self, place):
        self.first.append((place, len(self.events)))
        with open(self.path, "ab") as output:
            self.process = subprocess.Popen(self.command, stdout=output)

    def place(self):
        return {each["consumer"]: each["seq"] for each in
                self.daemon.call("events.consumers")["consumers"]}.get(self.name)

    def read(self):
        """Takes in what was printed since the last time; returns the last seq."""
        *lines, self.rest = (self.rest + self.output.read()).split(b"\n")
        self.events += [event for event in map(json.loads, lines) if event["seq"] is not None]
        return self.events[-1]["seq"] if self.events else 0

    def kill_and_restart(self):
        """While the daemon is there. A line that was cut is no line."""
        self.process.kill()
        self.process.wait(rig.DEADLINE_S)
        self.read()
        self.output.seek(-len(self.rest), os.SEEK_CUR)
        self.output.truncate()
        self.rest = b""
        self.start(self.place())

    def end(self):
        """Returns the exit status."""
        self.process.terminate()
        return self.process.wait(rig.DEADLINE_S)

    def clean_up(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(rig.DEADLINE_S)

    def check(self, test, events):
        """Every incarnation goes on at the place that was kept, or beyond, and all of them together
        told each of these events, each only once if there was one incarnation."""
        ends = [count for _, count in self.first[1:]] + [len(self.events)]
        told = 0
        for (place, first), end in zip(self.first, ends):
            seqs = [event["seq"] for event in self.events[first:end]]
            test.assertEqual(seqs, sorted(set(seqs)))
            if seqs:
                test.assertGreater(seqs[0], place)
                known = [event["seq"] for event in events if place < event["seq"] <= seqs[-1]]
                test.assertEqual(seqs, known)
                told = max(told, seqs[-1])
        test.assertEqual(told, events[-1]["seq"])
