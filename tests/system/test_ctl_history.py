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
