#!/usr/bin/env python3
"""The numbers of the daemon: that they say what happens, and how they are read (p2pchatd(8),
METRICS)."""

import http.client
import os
import re
import socket
import subprocess

import rig
from exposition import Numbers

SOURCE = os.environ.get("top_srcdir", ".")
MESSAGES = 5
REQUEST = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"


def numbers(daemon):
    """As they are from now on: a daemon puts them together once a second."""
    texts = [daemon.call("metrics")["text"]]

    def is_new():
        texts.append(daemon.call("metrics")["text"])
        return texts[-1] != texts[0]

    rig.wait_for(is_new, f"new numbers of {daemon.name}")
    return Numbers(texts[-1])


def wait_for_number(daemon, wanted, name, label=None):
    rig.wait_for(lambda: numbers(daemon).of(name, label) == wanted,
                 f"{daemon.name}'s {name} {label or ''} to be {wanted}",
                 lambda: numbers(daemon).of(name, label))


def rows_of_the_table():
    """{name: (kind, role)} of daemon/metrics.def."""
    with open(os.path.join(SOURCE, "daemon/metrics.def"), encoding="utf-8") as file:
        return {name: (kind.lower(), role) for name, kind, role in
                re.findall(r'^METRIC\(\w+, "(\w+)", (\w+), (\w+),', file.read(), re.M)}


class WhatTheySay(rig.People):
    def assert_numbers(self, daemon, **wanted):
        got = numbers(daemon)
        self.assertEqual({name: got.of(name) for name in wanted}, wanted)

    def test_all_of_the_table(self):
        rows = rows_of_the_table()
        bot = "p2pchat_consumer_lag"  # there is none
        for daemon, other in ((self.person("alice"), "TRACKER"), (self.tracker(), "NODE")):
            wanted = {name: kind for name, (kind, role) in rows.items()
                      if role != other and name != bot}
            self.assertEqual(numbers(daemon).kinds, wanted)

    def test_a_new_node(self):
        alice = self.person("alice")
        first = numbers(alice)
        self.assertEqual(first.role, "node")
        self.assertEqual(first.of("build_info", alice.call("status")["version"]), 1)
        self.assert_numbers(alice, links=0, contacts=0, messages_queued=0, log_last_seq=0,
                            log_first_seq=1, log_waiting_bytes=0)
        self.assertEqual([first.of("log_state", state) for state in ("ok", "full", "failing")],
                         [1, 0, 0])
        self.assertGreater(first.of("process_resident_memory_bytes"), 1 << 20)
        # Connections of clients that have ended may be among them.
        self.assertLess(abs(first.of("process_open_fds") - alice.descriptors()), 5)
        self.assertGreaterEqual(first.of("process_max_fds"), first.of("process_open_fds"))
        self.assertGreater(first.of("log_free_bytes"), 0)
        self.assertGreaterEqual(first.of("log_size_bytes"), first.of("log_wal_bytes"))
        start = os.stat(f"/proc/{alice.process.pid}").st_mtime
        self.assertLess(abs(first.of("process_start_time_seconds") - start), rig.DEADLINE_S)
        self.assertEqual({numbers(alice).of("process_start_time_seconds") for _ in range(2)},
                         {first.of("process_start_time_seconds")})
        second = numbers(alice)
        second.check_since(first)
        self.assertGreater(second.of("calls_total", "metrics"),
                           first.of("calls_total", "metrics"))

    def test_links_and_messages(self):
        alice, bob = self.pair()
        before = {daemon: numbers(daemon) for daemon in (alice, bob)}
        for i in range(MESSAGES):
            alice.call("chat.message", peer="bob", text=f"message {i}")
        rig.wait_until_delivered(alice)
        wait_for_number(bob, MESSAGES, "messages_received_total")
        wait_for_number(alice, MESSAGES, "messages_delivered_total")
        self.assert_numbers(alice, links=1, contacts=1, contacts_online=1, messages_queued=0,
                            messages_sent_total=MESSAGES, messages_delivered_total=MESSAGES)
        self.assertEqual(numbers(alice).of("links_proved_total", "us") +
                         numbers(alice).of("links_proved_total", "them"), 1)
        self.assert_numbers(bob, links=1, connections=1, messages_sent_total=0)
        for daemon, numbers_before in before.items():
            after = numbers(daemon)
            after.check_since(numbers_before)
            for name in ("received_bytes_total", "sent_bytes_total", "log_last_seq",
                         "log_transactions_total", "log_commit_seconds_count",
                         "log_commit_seconds_sum", "event_loop_lag_seconds_count",
                         "process_cpu_seconds_total"):
                self.assertGreater(after.of(name), numbers_before.of(name), name)

        # Away, and back: everything is counted again from the start.
        self.assertEqual(bob.end(), 0)
        wait_for_number(alice, 0, "links")
        self.assertEqual(numbers(alice).of("links_ended_total", "closed"), 1)
        alice.call("chat.message", peer="bob", text="later")
        self.assert_numbers(alice, contacts=1, contacts_online=0, messages_queued=1)
        failed = numbers(alice).of("dials_failed_total")
        rig.wait_for(lambda: numbers(alice).of("dials_failed_total") > failed, "a dial to fail")
        bob.start()
        rig.wait_until_delivered(alice)
        self.assert_numbers(bob, messages_received_total=1, contacts=1)

    def test_requests(self):
        alice, bob = self.person("alice"), self.person("bob")
        alice.call("chat.request", to=bob.address())
        wait_for_number(bob, 1, "requests", "in")
        self.assertEqual(numbers(alice).of("requests", "out"), 1)
        bob.call("chat.refuse", request=bob.call("chat.requests")["requests"][0]["request"])
        wait_for_number(alice, 0, "requests", "out")
        wait_for_number(bob, 0, "requests", "in")

    def test_who_is_refused(self):
        alice = self.person("alice")
        host, port = alice.address().rsplit(":", 1)
        with socket.create_connection((host, int(port)), rig.DEADLINE_S) as stranger:
            wait_for_number(alice, 1, "links_unproved")
            stranger.sendall(b"GET / HTTP/1.0\r\n\r\n")
            stranger.recv(1)
        wait_for_number(alice, 1, "links_refused_total", "handshake")
        self.assert_numbers(alice, connections_accepted_total=1, links_unproved=0, links=0)

    def test_calls(self):
        alice = self.person("alice")
        client = alice.client()
        self.assert_refused("no_such_peer", client.call, "chat.message", peer="x", text="hi")
        self.assert_refused("method_not_found", client.call, "no.such")
        self.assert_refused("invalid_params", client.call, "status", x=1)
        client.send_bytes(b"{\n")
        client.receive()
        got = numbers(alice)
        for error in ("no_such_peer", "method_not_found", "invalid_params", "parse_error"):
            self.assertEqual(got.of("call_errors_total", error), 1, error)
        self.assertEqual(got.of("calls_total", "chat.message"), 1)
        self.assertEqual(got.of("clients"), len(alice.clients) + 1)  # and the one that asks

    def test_consumers(self):
        alice, bob = self.pair()
        name = "a.bot_1@host-2"
        bob.client().call("events.subscribe", consumer=name)
        alice.call("chat.message", peer="bob", text="hi")
        rig.wait_until_delivered(alice)
        rig.wait_for(lambda: numbers(bob).of("consumer_lag", name) > 0, "the consumer to lag")
        self.assertEqual(numbers(bob).of("subscribers"), 2)  # befriend's is the other
        bob.call("events.ack", consumer=name, seq=bob.call("status")["log"]["last_seq"])
        self.assertEqual(numbers(bob).of("consumer_lag", name), 0)
        bob.call("events.forget", consumer=name)
        self.assertNotIn(("p2pchat_consumer_lag", name), numbers(bob))

    def test_trackers(self):
        tracker = self.tracker()
        alice = self.member("alice", tracker)
        self.assertEqual(numbers(alice).of("trackers", "registered"), 1)
        self.assert_numbers(tracker, registered_peers=1, registrations_total=1, links=1)

        mallory = self.person("alice", f"--tracker={tracker.address()}", place="elsewhere")
        wait_for_number(mallory, 1, "trackers", "name_taken")
        wait_for_number(tracker, 1, "registrations_refused_total", "name_taken")
        self.assertEqual(tracker.end(), 0)
        wait_for_number(alice, 1, "trackers", "away")
        self.assertEqual(numbers(alice).of("trackers", "registered"), 0)

    def test_a_full_disk(self):
        full = self.person("full", prefix=("prlimit", f"--fsize={1 << 20}"))
        text = "x" * 60000
        self.befriend(self.person("alice"), full)
        with self.assertRaises(rig.Refused):
            for _ in range(100):
                full.call("chat.message", peer="alice", text=text)
        got = Numbers(full.call("metrics")["text"])  # the first that are asked for
        self.assertEqual(got.of("log_state", "ok"), 0)
        self.assertGreaterEqual(got.of("log_commits_failed_total"), 1)
        self.assertEqual(got.of("call_errors_total", "storage_full") +
                         got.of("call_errors_total", "storage_failed"), 1)

    def test_what_people_see(self):
        alice = self.person("alice")
        done = subprocess.run([rig.program("p2pchatctl"), f"--socket={alice.socket}", "metrics"],
                              capture_output=True, text=True, timeout=rig.DEADLINE_S, check=True)
        self.assertEqual(Numbers(done.stdout).of("links"), 0)
        self.assertEqual(done.stderr, "")


class AsAFile(rig.People):
    def recipe(self):
        """What p2pchatd(8) says that a service is to run."""
        with open(os.path.join(SOURCE, "man/p2pchatd.8"), encoding="utf-8") as file:
            command = re.search(r"^ExecStart=/bin/sh -c '(p2pchatctl metrics .*?)'$", file.read(),
                                re.M | re.S).group(1)
        return command.replace("\\e\n", " ")

    def run_recipe(self, daemon):
        path = os.path.abspath(rig.BUILT) + ":" + os.environ["PATH"]
        return subprocess.run(["/bin/sh", "-c", self.recipe()], cwd=self.path("files"),
                              env={"PATH": path, "P2PCHAT_SOCKET": daemon.socket},
                              stderr=subprocess.DEVNULL, timeout=rig.DEADLINE_S,
                              check=False).returncode

    def test_recipe(self):
        alice = self.person("alice")
        os.mkdir(self.path("files"))
        for _ in range(2):
            self.assertEqual(self.run_recipe(alice), 0)
            self.assertEqual(os.listdir(self.path("files")), ["p2pchat.prom"])
            with open(self.path("files", "p2pchat.prom"), encoding="utf-8") as file:
                self.assertEqual(Numbers(file.read()).of("links"), 0)
        self.assertEqual(alice.end(), 0)
        self.assertNotEqual(self.run_recipe(alice), 0)
        self.assertEqual(os.listdir(self.path("files")), [])


class OverHttp(rig.People):
    def served(self, name="alice", listen="127.0.0.1:0"):
        path = self.write("c", f"[Metrics]\nListen={listen}\n")
        return self.person(name, f"--config={path}")

    def place(self, daemon):
        host, port = daemon.call("status")["metrics_listen"][0].rsplit(":", 1)
        return host.strip("[]"), int(port)

    def connect(self, daemon):
        connection = socket.create_connection(self.place(daemon), rig.DEADLINE_S)
        self.addCleanup(connection.close)
        return connection

    def ask(self, daemon, target="/metrics", method="GET", **headers):
        connection = http.client.HTTPConnection(*self.place(daemon), timeout=rig.DEADLINE_S)
        connection.request(method, target, headers=headers)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, body

    def scrape(self, daemon):
        status, headers, body = self.ask(daemon)
        self.assertEqual((status, headers["Content-Type"]),
                         (200, "text/plain; version=0.0.4; charset=utf-8"))
        return Numbers(body)

    def test_served(self):
        for listen in ("127.0.0.1:0", "[::1]:0", "127.1.2.3:0"):
            alice = self.served("alice-" + listen[1:4].strip(":.1"), listen)
            self.assertEqual(self.scrape(alice).of("links"), 0)
            self.assertIn(f"; metrics on {alice.call('status')['metrics_listen'][0]}", alice.log())
            self.assertEqual(alice.end(), 0)

    def test_a_tracker(self):
        path = self.write("t", "[Metrics]\nListen=127.0.0.1:0\n")
        self.assertEqual(self.scrape(self.tracker(f"--config={path}")).of("registered_peers"), 0)

    def test_off_by_default(self):
        self.assertEqual(self.person("alice").call("status")["metrics_listen"], [])

    def test_only_what_is_there(self):
        alice = self.served()
        self.assertEqual(self.ask(alice, "/")[0], 404)
        self.assertEqual(self.ask(alice, "/metrics/../status")[0], 404)
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT"):
            self.assertEqual(self.ask(alice, method=method)[0], 405, method)
        status, headers, body = self.ask(alice, method="HEAD")
        self.assertEqual((status, body), (200, ""))
        self.assertGreater(int(headers["Content-Length"]), 5000)

    def test_browsers(self):
        alice = self.served()
        for host in ("evil.example", f"evil.example:{self.place(alice)[1]}", "10.0.0.1",
                     "localhost.evil.example"):
            status, headers, body = self.ask(alice, Host=host)
            self.assertEqual((status, "p2pchat_" in body), (403, False), host)
            self.assertNotIn("Access-Control-Allow-Origin", headers)
        self.assertEqual(self.ask(alice, Host="localhost:1")[0], 200)

    def test_refused_places(self):
        for listen in ("0.0.0.0:0", "[::]:0", "localhost:9470", "192.0.2.1:9470", "9470"):
            path = self.write("c", f"[Metrics]\nListen={listen}\n")
            code, said = self.daemon("alice", f"--config={path}").refusal()
            self.assertEqual(code, 78, said)
            self.assertIn(f"{path}:2: Listen={listen}: must be a loopback address", said)

    def test_a_place_in_use(self):
        """It is an extra: the node starts without, says so, and serves there when it can."""
        alice = self.served()
        place = self.place(alice)
        path = self.write("d", "[Metrics]\nListen=%s:%d\n" % place)
        bob = self.person("bob", f"--config={path}")
        self.assertIn("give another [Metrics] Listen=", bob.log())
        self.assertIn("code=metrics_not_served", bob.log())
        self.assertEqual(bob.call("status")["metrics_listen"], [])
        self.assertIn("metrics", [check["name"] for check in bob.call("doctor")["checks"]
                                  if not check["ok"]])
        self.assertEqual(bob.call("reload"), {"changed": [], "needs_restart": []})

        self.end_well(alice)
        rig.wait_for(lambda: bob.call("status")["metrics_listen"], "bob's turn")
        self.assertEqual(self.place(bob), place)
        self.assertEqual(self.scrape(bob).of("links"), 0)
        self.assertIn("code=metrics_served", bob.log())
        self.assertNotIn("metrics", [check["name"] for check in bob.call("doctor")["checks"]])

    def test_reload(self):
        alice = self.person("alice", "--config=" + self.write("c", ""))
        self.write("c", "[Metrics]\nListen=127.0.0.1:0\n")
        self.assertIn("Metrics.Listen", alice.call("reload")["changed"])
        self.assertEqual(self.scrape(alice).of("links"), 0)
        before = self.place(alice)
        self.assertEqual(alice.call("reload"), {"changed": [], "needs_restart": []})
        self.assertEqual(self.place(alice), before)

        bob = self.person("bob", "--config=" + self.write("b", "[Metrics]\nListen=127.0.0.1:0\n"))
        self.write("b", "[Metrics]\nListen=%s:%d\n" % before)
        self.assert_refused("bad_config", bob.call, "reload")
        self.assertIn("is in use: another program listens there", bob.log())
        self.assertEqual(self.scrape(bob).of("links"), 0)  # where it was

        self.write("c", "")
        alice.call("reload")
        self.assertEqual(alice.call("status")["metrics_listen"], [])
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(before)

    def test_many_who_say_nothing(self):
        alice = self.served()
        before = alice.descriptors()
        silent = [self.connect(alice) for _ in range(200)]
        self.assertEqual(self.scrape(alice).of("links"), 0)
        self.assertLess(alice.descriptors(), before + 40)
        self.assertEqual(silent[0].recv(1), b"")  # it gave way

    def test_one_who_is_slow(self):
        alice = self.served()
        slow, never = self.connect(alice), self.connect(alice)
        said = bytearray(REQUEST)

        def say_more():
            try:
                slow.sendall(bytes([said.pop(0)]))
            except OSError:
                return True
            return slow in rig.select.select([slow], [], [], 0.3)[0]

        rig.wait_for(say_more, "the end of its time")
        self.assertGreater(len(said), 0)
        self.assertEqual(never.recv(1000).split(b"\r\n")[0], b"HTTP/1.1 408 Request Timeout")
        self.assertEqual(self.scrape(alice).of("links"), 0)

    def test_noise(self):
        alice = self.served()
        for noise in (b"\0" * 20000, b"\r\n" * 20000, b"GET " + b"/" * 100000, b"\x16\x03\x01" * 9,
                      REQUEST[:-2] + b"A: b\r\n" * 20000, REQUEST * 1000,
                      b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked"
                      b"\r\n\r\n" + b"ffffffff\r\n" * 1000):
            connection = self.connect(alice)
            try:
                connection.sendall(noise)
                answers = connection.makefile("rb").read()
            except (BrokenPipeError, ConnectionResetError):
                continue  # it was not listened to any longer
            self.assertEqual(answers.count(b"HTTP/1.1 "), 1, noise[:40])
        self.assertEqual(self.scrape(alice).of("links"), 0)


if __name__ == "__main__":
    rig.main()
