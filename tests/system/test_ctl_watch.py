"""p2pchatctl watch against a daemon that is not one."""

import json
import signal
import subprocess
import threading

import rig
from fake_daemon import FakeDaemon, answer, error, event, line
from rig import DEADLINE_S
from test_ctl import CTL, ESCAPES, Case, environment


def received(seq, text="hi"):
    return {"seq": seq, "time": "2026-01-31T12:00:00.000Z", "type": "message.received",
            "peer": "alice", "peer_id": "abc", "id": f"0-{seq}", "text": text}


def following(*said, then=None):
    """A daemon that takes a subscription, says these bytes, and does `then` (closes, if nothing)."""
    def serve(connection):
        connection.send(answer(connection.read_request(), {"from": 0}))
        for part in said:
            connection.send(part)
        if then:
            then(connection)
    return serve


def until_closed(connection):
    connection.read_rest()


class Watch(Case):
    def start(self, daemon, *args, **popen):
        popen.setdefault("stdout", subprocess.PIPE)
        return subprocess.Popen([CTL, f"--socket={daemon.path}", "watch", *args],
                                stderr=subprocess.PIPE, env=environment(), **popen)

    def finish(self, process, status, says=b""):
        out, err = process.communicate(timeout=DEADLINE_S)
        self.assertEqual(process.returncode, status, err)
        self.assertIn(says, err)
        self.assertEqual(bool(err), bool(says), err)
        return out

    def test_subscription(self):
        """options become the parameters of events.subscribe"""
        got = []

        def serve(connection):
            got.append(connection.read_request())
            connection.send(answer(got[0], {"from": 5}) + event(received(6)))
            until_closed(connection)

        with FakeDaemon(serve) as daemon:
            self.ends(0, "watch", "--since=5", "--type=message.received,peer.online", "--peer",
                      "alice", "--count=1", daemon=daemon, prints=b"2026-01-31 12:00:00  alice: hi\n")
        self.assertEqual(got[0]["method"], "events.subscribe")
        self.assertEqual(got[0]["params"],
                         {"since": 5, "types": ["message.received", "peer.online"], "peer": "alice"})

    def test_json_lines(self):
        """--json prints each event as it is, one a line, and nothing else"""
        events = [received(1, "one\ntwo"), {"type": "new.kind", "seq": None, "x": [1, {}]},
                  received(2, ESCAPES)]
        said = b"".join(event(each) + line({"jsonrpc": "2.0", "method": "other"})
                        for each in events)
        with FakeDaemon(following(said, then=until_closed)) as daemon:
            out = self.ends(0, "watch", "--json", "--count=3", daemon=daemon)
        self.assertEqual([json.loads(each) for each in out.splitlines()], events)
        self.assertTrue(all(char.isprintable() or char == "\n" for char in out.decode()))

    def test_each_line_at_once(self):
        """a line is there as soon as its event is, and a signal ends it well"""
        for number in (signal.SIGINT, signal.SIGTERM):
            for text in ("first", "second\nline"):
                more = threading.Event()

                def then(connection, more=more):
                    more.wait(DEADLINE_S)
                    connection.send(event(received(2)))
                    connection.read_rest()

                with FakeDaemon(following(event(received(1, text)), then=then)) as daemon:
                    process = self.start(daemon, "--json")
                    self.assertEqual(json.loads(process.stdout.readline())["text"], text)
                    more.set()
                    self.assertEqual(json.loads(process.stdout.readline())["seq"], 2)
                    process.send_signal(number)
                    self.assertEqual(self.finish(process, 0), b"")

    def test_signal_before_the_answer(self):
        """a signal ends it well while it waits for its subscription"""
        asked = threading.Event()

        def serve(connection):
            connection.read_request()
            asked.set()
            connection.read_rest()

        with FakeDaemon(serve) as daemon:
            process = self.start(daemon)
            self.assertTrue(asked.wait(DEADLINE_S))
            process.send_signal(signal.SIGTERM)
            self.finish(process, 0)

    def test_signal_while_nobody_reads(self):
        """a signal ends it well while its output is stuck"""
        stuck = threading.Event()

        def then(connection):
            connection.sock.settimeout(1)
            try:
                for seq in range(1, 1000):
                    connection.sock.sendall(event(received(seq, "x" * 60000)))
            except (TimeoutError, BrokenPipeError):
                pass
            stuck.set()
            connection.sock.settimeout(DEADLINE_S)
            connection.read_rest()

        with FakeDaemon(following(then=then)) as daemon:
            process = self.start(daemon, "--json")
            self.assertTrue(stuck.wait(DEADLINE_S))
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(DEADLINE_S), 0)
            process.communicate()

    def test_daemon_goes_away(self):
        """3, behind all that it said"""
        with FakeDaemon(following(event(received(1)), event(received(2)) + b'{"jsonrpc"')) as daemon:
            out = self.ends(3, "watch", "--no-reconnect", daemon=daemon,
                            says="the daemon went away")
        self.assertEqual(out, b"2026-01-31 12:00:00  alice: hi\n" * 2)

    def test_broken_event(self):
        """1, behind what was right"""
        for said in (b"garbage\n", line({"jsonrpc": "2.0", "method": "event"}),
                     line({"jsonrpc": "2.0", "method": "event", "params": [1]}), b"x" * 2_000_000):
            with self.subTest(said=said[:50]), \
                    FakeDaemon(following(event(received(1)) + said, then=until_closed)) as daemon:
                self.ends(1, "watch", daemon=daemon, says="broken",
                          prints=b"2026-01-31 12:00:00  alice: hi\n")

    def test_refused(self):
        """the daemon's error is that of any call"""
        def serve(connection):
            connection.send(error(connection.read_request(), -32001, "who?", "no_such_peer"))

        with FakeDaemon(serve) as daemon:
            self.ends(1, "watch", "--peer=zed", daemon=daemon, says="who? (no_such_peer)")

    def test_reader_has_enough(self):
        """watch | head ends by SIGPIPE, without a word"""
        many = b"".join(event(received(seq)) for seq in range(1, 5000))
        with FakeDaemon(following(many, then=until_closed)) as daemon:
            process = self.start(daemon)
            head = subprocess.run(["head", "-n1"], stdin=process.stdout, capture_output=True,
                                  timeout=DEADLINE_S, check=True)
            process.stdout.close()
            process.stdout = None
            process.wait(DEADLINE_S)
            self.assertEqual(process.returncode, -signal.SIGPIPE)
            self.assertEqual(process.stderr.read(), b"")
            process.stderr.close()
        self.assertEqual(head.stdout, b"2026-01-31 12:00:00  alice: hi\n")

    def test_count_is_exact(self):
        """--count ends it in the middle of what was received at once, and many keep their order"""
        count = 20_000
        many = b"".join(event(received(seq)) for seq in range(1, count + 1))
        with FakeDaemon(following(many, then=until_closed)) as daemon:
            out = self.ends(0, "watch", "--json", f"--count={count - 7}", daemon=daemon)
        self.assertEqual([json.loads(each)["seq"] for each in out.splitlines()],
                         list(range(1, count - 6)))

    def test_standard_streams_closed(self):
        """with standard output closed it ends, and the daemon hears nothing but the request"""
        got = []

        def then(connection):
            got.append(connection.read_rest())

        with FakeDaemon(following(event(received(1)), then=then)) as daemon:
            process = subprocess.run(
                ["/bin/sh", "-c", f'exec "{CTL}" --socket="{daemon.path}" watch <&- >&- 2>&-'],
                env=environment(), timeout=DEADLINE_S, check=False)
        self.assertEqual((process.returncode, got), (1, [b""]))


if __name__ == "__main__":
    rig.main()
