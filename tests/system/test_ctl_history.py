"""p2pchatctl history against a daemon that is not one: pages, exports of all of them, and
searches."""

import json

import rig
from fake_daemon import FakeDaemon, answer
from test_ctl import ESCAPES, Case, ctl


def message(seq, text="hi"):
    return {"seq": seq, "id": f"0-{seq}", "time": "2026-01-31T12:00:00.000Z", "direction": "in",
            "peer": "alice", "peer_id": "abc", "text": text, "state": "received"}


class Pages:
    """A daemon that gives these pages one after the other, whatever it is asked for."""

    def __init__(self, *pages):
        self.pages = pages
        self.asked = []

    def __call__(self, connection):
        for at, page in enumerate(self.pages, 1):
            request = connection.read_request()
            self.asked.append(request["params"])
            following = page[-1]["seq"] if at < len(self.pages) else None
            connection.send(answer(request, {"messages": page, "next": following}))
        if connection.read_line() is not None:
            raise AssertionError("it asks for more than there is")


class Export(Case):
    def exports(self, pages, *args):
        with FakeDaemon(pages) as daemon:
            out = self.ends(0, "history", "--export", *args, daemon=daemon)
        return [json.loads(line) for line in out.splitlines()]

    def test_all(self):
        """all pages from the first on, each message on a line as it is"""
        pages = Pages([message(1, "one\ntwo"), message(4, ESCAPES)], [message(5)], [message(9)])
        self.assertEqual(self.exports(pages, "alice"), sum(pages.pages, []))
        self.assertEqual(pages.asked, [{"peer": "alice", "after": after, "limit": 1000}
                                       for after in (0, 4, 5)])

    def test_nothing(self):
        """nothing is no line, with and without --json"""
        for args in ((), ("--json",)):
            self.assertEqual(self.exports(Pages([]), *args), [])

    def test_limit(self):
        """--limit is for the whole, and more than that is not asked for"""
        first = [message(seq) for seq in range(1, 1001)]
        second = [message(seq) for seq in range(1001, 1006)]
        pages = Pages(first, second)
        self.assertEqual(self.exports(pages, "--limit=1003"), first + second[:3])
        self.assertEqual(pages.asked, [{"after": 0, "limit": 1000}, {"after": 1000, "limit": 3}])
        pages = Pages(first)
        self.assertEqual(self.exports(pages, "--limit=1000"), first)

    def test_broken_off(self):
        """an export that is cut short fails, behind what it has"""
        def serve(connection):
            connection.send(answer(connection.read_request(), {"messages": [message(1)], "next": 1}))
            connection.read_request()

        with FakeDaemon(serve) as daemon:
            self.ends(1, "history", "--export", daemon=daemon, says="closed the connection",
                      prints=json.dumps(message(1), separators=(",", ":")).encode() + b"\n")


class Partial(Case):
    """The daemon gives what it has found so far; the client asks on and prints one page."""

    FIELDS = {"future": [1]}

    def asks(self, pages, *args):
        """What is printed, and what was asked for, when these (messages, next) come."""
        asked = []

        def serve(connection):
            for at, (messages, following) in enumerate(pages):
                request = connection.read_request()
                if request["method"] == "status":
                    connection.send(answer(request, {"log": {"last_seq": 90}}))
                    request = connection.read_request()
                asked.append(request["params"])
                connection.send(answer(request, {"messages": messages, "next": following,
                                                 "indexed_through": 90 + at, **self.FIELDS}))
            if connection.read_line() is not None:
                raise AssertionError("it asks for more than there is")

        with FakeDaemon(serve) as daemon:
            out = self.ends(0, "history", *args, daemon=daemon)
        return out, asked

    def test_json(self):
        """one object with the messages of all pages, and what the first and the last say"""
        out, asked = self.asks([([message(80), message(81)], 80), ([], 60), ([], 50),
                                ([message(42, ESCAPES)], 42), ([], None)], "--search=a", "--json")
        self.assertEqual(json.loads(out), {
            "messages": [message(42, ESCAPES), message(80), message(81)], "next": None,
            "indexed_through": 90, **self.FIELDS})
        self.assertEqual(out.count(b"\n"), 1)
        self.assertEqual(asked, [{"search": "a"},
                                 {"search": "a", "before": 80, "limit": 48},
                                 {"search": "a", "before": 60, "limit": 48},
                                 {"search": "a", "before": 50, "limit": 48},
                                 {"search": "a", "before": 42, "limit": 47}])

    def test_text(self):
        """as one page"""
        pages = [([], 80), ([message(71, "b")], 70), ([message(7, "a")], None)]
        for args in (["--search=a"], ["alice"]):
            out, _ = self.asks(pages, *args)
            self.assertEqual(out, b"7  2026-01-31 12:00:00  alice: a\n"
                                  b"71  2026-01-31 12:00:00  alice: b\n")

    def test_nothing(self):
        """as nothing"""
        out, _ = self.asks([([], 80), ([], 70), ([], None)], "--search=a", "--json")
        self.assertEqual(json.loads(out)["messages"], [])
        self.assertEqual(self.asks([([], 80), ([], None)], "--search=a")[0],
                         self.asks([([], None)], "--search=a")[0])

    def test_limit(self):
        """--limit is for the whole, and its next is the last one's"""
        out, asked = self.asks([([message(80)], 80), ([message(70)], 70)], "--search=a", "--limit=2",
                               "--before=85", "--json")
        self.assertEqual(json.loads(out)["next"], 70)
        self.assertEqual(json.loads(out)["messages"], [message(70), message(80)])
        self.assertEqual(asked, [{"search": "a", "before": 85, "limit": 2},
                                 {"search": "a", "before": 80, "limit": 1}])

    def test_long(self):
        """what is as much as a page may be is enough"""
        long = [message(seq, "x" * 60000) for seq in range(10)]
        out, asked = self.asks([(long, 5)], "--limit=1000", "--json")
        self.assertEqual(json.loads(out)["messages"], long)
        self.assertEqual(json.loads(out)["next"], 5)
        self.assertEqual(len(asked), 1)

    def test_a_daemon_that_turns_round(self):
        """a next that leads nowhere is the end"""
        for following in (80, 85, 0, -1, "1", 1e300):
            out, _ = self.asks([([], 80), ([message(7)], following)], "--json")
            self.assertEqual(json.loads(out)["next"], None)

    def test_export(self):
        """an export goes on through empty pages"""
        out, asked = self.asks([([], 30), ([message(40)], 40), ([], 60), ([message(61)], None)],
                               "--export", "--search=a", "--json")
        self.assertEqual([json.loads(line) for line in out.splitlines()],
                         [message(40), message(61)])
        self.assertEqual([params["after"] for params in asked], [0, 30, 40, 60])


class Search(Case):
    """A search for people says when the index does not reach the end of the log."""

    def searches(self, through, *args, says=""):
        asked = []

        def serve(connection):
            while (line := connection.read_line()) is not None:
                request = json.loads(line)
                asked.append(request["method"])
                connection.send(answer(request, {"log": {"last_seq": 90}}
                                       if request["method"] == "status" else
                                       {"messages": [message(7, "found")], "next": None,
                                        "indexed_through": through}))

        with FakeDaemon(serve) as daemon:
            got, out, err = ctl("history", "--search=found", *args, daemon=daemon)
        self.assertEqual((got, err), (0, says))
        return out, asked

    UNFINISHED = ("p2pchatctl: only messages up to 80 of 90 were searched: the index is still being "
                  "built; ask again later\n")

    def test_whole(self):
        """all was searched"""
        out, asked = self.searches(90)
        self.assertEqual(out, b"7  2026-01-31 12:00:00  alice: found\n")
        self.assertEqual(asked, ["status", "history"])
        self.searches(95, "--export")

    def test_unfinished(self):
        """not all was; what was found is printed all the same"""
        out, _ = self.searches(80, says=self.UNFINISHED)
        self.assertIn(b"alice: found", out)
        out, _ = self.searches(80, "--export", says=self.UNFINISHED)
        self.assertEqual(json.loads(out), message(7, "found"))

    def test_json(self):
        """a program sees it in the result, and nothing else is asked or said"""
        out, asked = self.searches(80, "--json")
        self.assertEqual((json.loads(out)["indexed_through"], asked), (80, ["history"]))


if __name__ == "__main__":
    rig.main()
