"""p2pchatctl listpeer against a daemon that is not one: pages; and what is said of peers among which
nobody can choose."""

import json

import rig
from fake_daemon import FakeDaemon, answer, line
from test_ctl import ESCAPES, Case, ctl


def peer(name):
    return {"name": name, "peer_id": "abc", "addresses": ["h:1"], "connected": False,
            "source": "tracker"}


def peers(*numbers):
    return [peer(f"{number:04}") for number in numbers]


class Pages:
    """A daemon that gives these pages one after the other, whatever it is asked for."""

    def __init__(self, *pages, unanswered=()):
        self.pages = pages
        self.unanswered = unanswered
        self.asked = []

    def __call__(self, connection):
        for page, following in self.pages:
            request = connection.read_request()
            self.asked.append(request["params"])
            connection.send(answer(request, {"peers": page, "unanswered": self.unanswered,
                                             "next": following}))
        if connection.read_line() is not None:
            raise AssertionError("it asks for more than there is")


class Contacts(Case):
    """Lists that have no limit: as many pages as there are."""

    def test_pages(self):
        asked = []

        def pages(connection):
            for numbers, following in ((1, 2), 2), ((3,), 7), ((), None):
                request = connection.read_request()
                asked.append((request["method"], request["params"]))
                page = {name: [{"alias": f"{number}"} for number in numbers]}
                connection.send(answer(request, page | ({"next": following} if following else {})))

        for command, method, name in (("contact list", "contact.list", "contacts"),
                                      ("connected", "chat.connected", "peers")):
            with self.subTest(command=command), FakeDaemon(pages) as daemon:
                out = self.ends(0, "--json", *command.split(), daemon=daemon)
                self.assertEqual(json.loads(out), {name: [{"alias": f"{i}"} for i in (1, 2, 3)]})
                self.assertEqual(asked, [(method, params) for params in
                                         ({}, {"after": 2}, {"after": 7})])
                asked.clear()

    def test_daemon_that_goes_in_circles(self):
        def circle(connection):
            for _ in range(2):
                request = connection.read_request()
                connection.send(answer(request, {"contacts": [], "next": 5}))

        with FakeDaemon(circle) as daemon:
            self.assertEqual(json.loads(self.ends(0, "--json", "contact", "list", daemon=daemon)),
                             {"contacts": []})

    def test_endless_answers_to_nobody(self):
        """are no daemon's, and not read until the time is over"""
        def chatter(connection):
            request = connection.read_request()
            try:
                while True:
                    connection.send(answer(request | {"id": 12345}, {}) * 100)
            except OSError:
                pass

        with FakeDaemon(chatter) as daemon:
            self.ends(1, "--timeout=600", "status", daemon=daemon,
                      says="or is broken: it sent what nobody asked for")


class Listing(Case):
    def lists(self, pages, *args):
        with FakeDaemon(pages) as daemon:
            return json.loads(self.ends(0, "--json", "listpeer", *args, daemon=daemon))

    def test_one_page(self):
        pages = Pages(([peer(ESCAPES)], None), unanswered=["t:1"])
        self.assertEqual(self.lists(pages, "al"),
                         {"peers": [peer(ESCAPES)], "unanswered": ["t:1"], "next": None})
        self.assertEqual(pages.asked, [{"prefix": "al", "limit": 100}])

    def test_pages(self):
        """as many as are wanted, and no page more"""
        pages = Pages((peers(1, 2), "0002"), (peers(5), "0005"), (peers(6), "0006"))
        self.assertEqual(self.lists(pages, "--limit=4"),
                         {"peers": peers(1, 2, 5, 6), "unanswered": [], "next": "0006"})
        self.assertEqual(pages.asked, [{"limit": 4}, {"limit": 2, "after": "0002"},
                                       {"limit": 1, "after": "0005"}])

    def test_page_without_anybody(self):
        """is the last, as there could be no end of them"""
        pages = Pages((peers(1), "0001"), ([], "0005"))
        self.assertEqual(self.lists(pages), {"peers": peers(1), "unanswered": [], "next": "0005"})
        self.assertEqual(pages.asked, [{"limit": 100}, {"limit": 99, "after": "0001"}])

    def test_more_than_a_page_can_have(self):
        first, second = peers(*range(1000)), peers(*range(1000, 1002))
        pages = Pages((first, "0999"), (second, None))
        self.assertEqual(self.lists(pages, "--limit=2500", "--after=!")["peers"], first + second)
        self.assertEqual(pages.asked, [{"limit": 1000, "after": "!"},
                                       {"limit": 1000, "after": "0999"}])

    def test_daemon_that_goes_in_circles(self):
        pages = Pages((peers(1), "0001"), (peers(2), "0001"))
        self.assertEqual(self.lists(pages)["peers"], peers(1, 2))

    def test_limits_that_are_none(self):
        for limit in "0", "-1", "x", "1.5", "9007199254740992":
            self.ends(2, "listpeer", f"--limit={limit}", says="--limit must be an integer from 1")


class Candidates(Case):
    def test_candidates(self):
        def serve(connection):
            request = connection.read_request()
            connection.send(line({"jsonrpc": "2.0", "id": request["id"], "error": {
                "code": -32002, "message": "more than one", "data": {
                    "name": "ambiguous_peer", "candidates": [
                        {"peer_id": "abc", "name": "al\u202e", "source": "tracker",
                         "tracker": "t:1"},
                        {"peer_id": None, "name": "al", "source": "classic"}]}}}))

        with FakeDaemon(serve) as daemon:
            status, out, said = ctl("chat", "request", "al", daemon=daemon)
        self.assertEqual((status, out), (1, b""))
        self.assertEqual(said, "p2pchatctl: more than one (ambiguous_peer)\n"
                               "    \"al<U+202E>\"  abc  says t:1\n"
                               "    al  classic\n")


if __name__ == "__main__":
    rig.main()
