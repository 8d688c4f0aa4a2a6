"""p2pchatctl watch as a consumer beside one daemon that is killed, or itself stopped or killed: it
misses no event and prints none twice. Beside a whole conversation it is in test_reader.py."""

import json
import os
import random
import signal
import subprocess
import threading

import load
import rig
import sides
from test_ctl import CTL, environment

ROUNDS = int(os.environ.get("ROUNDS") or 20)
SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))


class Watch(threading.Thread):
    """A watch as a consumer, and what it printed so far."""

    def __init__(self, test, daemon, *args):
        super().__init__(daemon=True)
        self.process = subprocess.Popen(
            [CTL, f"--socket={daemon.socket}", "--json", "watch", "--as=bot", *args],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        test.addCleanup(self.clean_up)
        self.events = []
        self.resume = threading.Event()  # cleared: its output is not read
        self.resume.set()
        self.start()

    def run(self):
        for line in self.process.stdout:
            self.events.append(json.loads(line))
            self.resume.wait()

    def end(self, number=signal.SIGTERM):
        """Returns its exit status and what it said, when all that it printed was read."""
        self.process.send_signal(number)
        self.resume.set()
        self.join(rig.DEADLINE_S)
        status = self.process.wait(rig.DEADLINE_S)
        return status, self.process.stderr.read().decode()

    def clean_up(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(rig.DEADLINE_S)
        self.join(rig.DEADLINE_S)
        self.process.stdout.close()
        self.process.stderr.close()


class Reading(rig.People):
    def setUp(self):
        super().setUp()
        self.alice, self.bob = self.pair()
        self.alice.call("events.subscribe", consumer="bot")  # the place begins here

    def place(self):
        return self.alice.call("events.consumers")["consumers"][0]["seq"]

    def queue(self, count):
        """So many messages of alice's for bob, who is away: one event each. Returns their seqs."""
        if self.bob.process.poll() is None:
            self.assertEqual(self.bob.end(), 0)
        seqs = []
        with self.alice.client() as client:
            while len(seqs) < count:
                numbers = client.send_all([("chat.message", {"peer": "bob", "text": "hi"})] *
                                          min(500, count - len(seqs)))
                seqs += [client.result(number)["seq"] for number in numbers]
        return seqs

    def test_daemon_is_killed(self):
        """through so many restarts of a daemon that is busy"""
        watch = Watch(self, self.alice, "--type=message.sent")
        sender = load.Sender(self.alice, "bob", SEED).begin(self)
        moments = random.Random(SEED + 1)
        for _ in range(ROUNDS):
            sender.say(moments.randint(1, 400))
            enough = moments.randint(len(watch.events), sender.wanted)
            rig.wait_for(lambda: sender.check() and len(watch.events) >= enough, "events")
            self.alice.end(signal.SIGKILL)
            self.alice.start()
        sender.say(1)  # for which it has to come back
        sender.wait_for(sender.is_done, "all answers")
        rig.wait_for(lambda: len(watch.events) >= sender.wanted, "all events")
        sender.stop()
        status, said = watch.end()
        self.assertEqual(status, 0, said)
        self.assertEqual([(event["seq"], event["id"], event["text"]) for event in watch.events],
                         [(*answer, text) for answer, text in
                          zip(sender.answered(), sender.texts())])
        self.assertEqual(self.place(), watch.events[-1]["seq"])
        self.assertLessEqual(set(said.splitlines()),
                             {"p2pchatctl: the daemon went away; waiting for it to come back",
                              "p2pchatctl: the daemon is back"})
        self.assertEqual(said.count("went away"), said.count("is back"))

    def test_watch_is_stopped(self):
        """stopped while thousands of events happen, ended, and begun again: each event once"""
        watch = Watch(self, self.alice, "--type=message.sent")
        seqs = self.queue(500)
        rig.wait_for(lambda: len(watch.events) == 500 and self.place() == seqs[-1],
                     "acknowledgement")
        watch.process.send_signal(signal.SIGSTOP)
        watch.resume.clear()
        seqs += self.queue(12_000)
        watch.process.send_signal(signal.SIGCONT)
        rig.wait_for(lambda: self.place() > seqs[500], "it to go on")
        self.assertEqual(watch.end(), (0, ""))
        self.assertLess(len(watch.events), len(seqs))
        again = Watch(self, self.alice, "--type=message.sent")
        rig.wait_for(lambda: len(watch.events) + len(again.events) >= len(seqs), "the rest")
        self.assertEqual(again.end(), (0, ""))
        self.assertEqual([event["seq"] for event in watch.events + again.events], seqs)

    def test_watch_is_killed(self):
        """killed while it is stopped: what it had printed and acknowledged does not come again"""
        watch = Watch(self, self.alice, "--type=message.sent")
        seqs = self.queue(100)
        rig.wait_for(lambda: self.place() == seqs[-1], "acknowledgement")
        watch.process.send_signal(signal.SIGSTOP)
        seqs += self.queue(5_000)
        self.assertEqual(watch.end(signal.SIGKILL), (-signal.SIGKILL, ""))
        again = Watch(self, self.alice, "--type=message.sent")
        rig.wait_for(lambda: len(again.events) >= 5_000, "the rest")
        self.assertEqual(again.end(), (0, ""))
        self.assertEqual([event["seq"] for event in watch.events + again.events], seqs)

    def test_commands_through_restarts(self):
        """--exec runs once for each event, also while the daemon is killed"""
        watch = Watch(self, self.alice, "--type=message.sent", "--exec=cat")
        count = 0
        for _ in range(5):
            seqs = self.queue(20)
            count += len(seqs)
            rig.wait_for(lambda: len(watch.events) >= count - 10, "commands")
            self.alice.end(signal.SIGKILL)
            self.alice.start()
        rig.wait_for(lambda: len(watch.events) >= count, "commands")
        status, _ = watch.end()
        self.assertEqual(status, 0)
        self.assertEqual([event["seq"] for event in watch.events],
                         [message["seq"] for message in sides.whole_history(self.alice, "bob")])
        self.assertEqual(self.place(), watch.events[-1]["seq"])

    def test_consumers(self):
        """consumer list and forget, for people"""
        def run(*args):
            done = subprocess.run([CTL, f"--socket={self.alice.socket}", *args],
                                  env=environment(), capture_output=True, timeout=rig.DEADLINE_S,
                                  check=False)
            return done.returncode, done.stdout.decode(), done.stderr.decode()

        status, out, _ = run("consumer", "list")
        self.assertRegex(out, r"\ACONSUMER  READ UP TO  LAST USED\nbot +%d +\d{4}-\d\d-\d\d "
                         r"\d\d:\d\d:\d\d\n\Z" % self.place())
        self.assertEqual(status, 0)
        self.assertEqual(run("consumer", "forget", "bot"), (0, "the consumer is forgotten\n", ""))
        self.assertEqual(run("consumer", "list"), (0, "no consumers\n", ""))
        status, _, err = run("consumer", "forget", "bot")
        self.assertEqual((status, "(no_such_consumer)" in err), (1, True))
        status, _, err = run("watch", "--as=no name")
        self.assertEqual((status, "(bad_name)" in err), (1, True))

    def test_export(self):
        """an export is all that was said, whole and in order"""
        seqs = self.queue(2_500)
        for args, wanted in (((), seqs), (("--limit=2100", "bob"), seqs[:2100])):
            out = subprocess.run([CTL, f"--socket={self.alice.socket}", "history", "--export",
                                  *args], env=environment(), stdout=subprocess.PIPE,
                                 timeout=rig.DEADLINE_S, check=True).stdout
            self.assertEqual([json.loads(line)["seq"] for line in out.splitlines()], wanted)
        out = subprocess.run([CTL, f"--socket={self.alice.socket}", "history", "--export",
                              "--search=HI", "--limit=1500"], env=environment(),
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             timeout=rig.DEADLINE_S, check=True)
        found = [json.loads(line)["seq"] for line in out.stdout.splitlines()]
        self.assertEqual((found, out.stderr), (seqs[:1500], b""))


if __name__ == "__main__":
    print(f"# SEED={SEED}", flush=True)
    rig.main()
