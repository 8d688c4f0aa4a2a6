"""Completion: what p2pchatctl says a word may become, and what bash, zsh and fish make of it on a
real terminal, with a daemon whose aliases would like to be run."""

import json
import os
import pty
import select
import shutil

import rig
from fake_daemon import FakeDaemon, answer
from test_ctl import Case, environment

ID = "a" * 56
LISTS = {
    "contact.list": {"contacts": [
        {"alias": "alice", "peer_id": "b" * 56}, {"alias": "x@y-1.z_2", "peer_id": "c" * 56},
        {"alias": "$(touch hurt)", "peer_id": ID}, {"alias": "`touch hurt`", "peer_id": None},
        {"alias": "-rf", "peer_id": None}, {"alias": "a b", "peer_id": None},
        {"alias": "a\nb", "peer_id": None}, {"alias": ":files", "peer_id": None},
        {"alias": "", "peer_id": None}, {"alias": "zoë", "peer_id": None}, {"alias": 7}]},
    "chat.requests": {"requests": [{"request": "r1", "alias": "eve"}, {"request": "r;2"}]},
    "events.consumers": {"consumers": [{"consumer": "bot"}, {"consumer": "backup"}]},
}


def pages(connection):
    """Contacts in two pages."""
    for page in ({"contacts": [{"alias": "one"}], "next": 1}, {"contacts": [{"alias": "two"}]}):
        connection.send(answer(connection.read_request(), page))


def lists(connection):
    while (line := connection.read_line()) is not None:
        request = json.loads(line)
        connection.send(answer(request, LISTS[request["method"]]))


class Words(Case):
    def offers(self, *words, daemon=None, env=None):
        more = {"P2PCHAT_SOCKET": daemon.path} if daemon else {}
        out = self.ends(0, "--complete", *words, env=env or environment(**more)).decode()
        return [line.partition("\t")[0] for line in out.splitlines()]

    def test_commands(self):
        self.assertEqual(self.offers("chat", "re"), ["request", "requests", "refuse"])
        self.assertEqual(self.offers("chat", "request"), ["request", "requests"])
        self.assertEqual(self.offers("list", ""), ["connected"])
        self.assertEqual(self.offers("list", "connected", ""), ["peer"])
        self.assertEqual(self.offers("consumer", "f"), ["forget"])
        self.assertEqual(self.offers("--json", "--socket", "x", "disc"), ["disconnect"])
        self.assertEqual(self.offers("help", "contact", "ren"), ["rename"])
        self.assertEqual(self.offers("status", ""), [])
        self.assertEqual(self.offers("nonsense", ""), [])
        self.assertEqual(self.offers("").count("chat"), 1)

    def test_options(self):
        self.assertIn("--socket=", self.offers("--so"))
        self.assertEqual(self.offers("watch", "--e"), ["--exec="])
        self.assertEqual(self.offers("status", "--exec"), [])
        self.assertEqual(self.offers("watch", "--no"), ["--no-reconnect"])
        self.assertEqual(self.offers("--", "--so"), [])

    def test_values(self):
        self.assertEqual(self.offers("watch", "--type=gap,chat.ref"), ["--type=gap,chat.refused"])
        self.assertEqual(self.offers("watch", "--type", "gap,chat.ref"), ["gap,chat.refused"])
        self.assertEqual(self.offers("call", "rpc."), ["rpc.discover"])
        self.assertEqual(self.offers("--socket=/"), [":files"])
        self.assertEqual(self.offers("watch", "--exec", ""), [":programs"])
        self.assertEqual(self.offers("chat", "message", "alice", ""), [])

    def test_of_the_daemon(self):
        """only words that no shell takes for anything else; of a peer without one its id"""
        with FakeDaemon(lists) as daemon:
            for before in (["chat", "message"], ["unblock"], ["history"], ["chat", "request"]):
                self.assertEqual(self.offers(*before, "", daemon=daemon),
                                 ["alice", "x@y-1.z_2", ID])
            self.assertEqual(self.offers("watch", "--peer=al", daemon=daemon), ["--peer=alice"])
            self.assertEqual(self.offers("chat", "accept", "", daemon=daemon), ["r1"])
            self.assertEqual(self.offers("watch", "--as=b", daemon=daemon),
                             ["--as=bot", "--as=backup"])
            self.assertEqual(self.offers(f"--socket={daemon.path}", "consumer", "forget", "ba"),
                             ["backup"])
        with FakeDaemon(pages) as daemon:
            self.assertEqual(self.offers("block", "", daemon=daemon), ["one", "two"])

    def test_without_daemon(self):
        self.assertEqual(self.offers("chat", "message", "",
                                     env=environment(P2PCHAT_SOCKET="/nowhere")), [])

    def test_daemon_that_is_silent(self):
        """nobody waits long for it"""
        with FakeDaemon(lambda connection: connection.read_rest()) as daemon:
            self.assertEqual(self.offers("block", "", daemon=daemon), [])


SCRIPTS = os.path.join(os.path.abspath(os.environ.get("top_srcdir", ".")), "ctl", "completion")
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"],
             "words() { printf '%s\\n' \"$@\" end >words; }; . '{scripts}/p2pchatctl'"),
    "zsh": (["zsh", "-f", "-i"],
            "words() { printf '%s\\n' \"$@\" end >words }; bindkey -e; fpath=('{scripts}' $fpath); "
            "autoload -Uz compinit; compinit -u -d ./compdump"),
    "fish": (["fish", "--no-config", "-i"],
             "function words; printf '%s\\n' $argv end >words; end; "
             "source '{scripts}/p2pchatctl.fish'"),
}


class Terminal:
    """A shell on a terminal, with the completion loaded."""

    def __init__(self, shell, directory, socket):
        argv, setup = SHELLS[shell]
        path = os.path.dirname(os.path.abspath(rig.program("p2pchatctl")))
        self.directory = directory
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(directory)
            os.execvpe(argv[0], argv, environment(
                P2PCHAT_SOCKET=socket, HOME=directory, TERM="dumb",
                PATH=f"{directory}/bin:{path}:{os.environ['PATH']}"))
        self.shown = b""
        self.type(setup.replace("{scripts}", SCRIPTS) + "\r")
        self.type("words ready\r")
        self.words()

    def type(self, text):
        os.write(self.terminal, text.encode())

    def look(self):
        """Reads what is shown, so that the shell can go on."""
        if select.select([self.terminal], [], [], 0.05)[0]:
            self.shown += os.read(self.terminal, 65536)

    def words(self):
        path = os.path.join(self.directory, "words")

        def written():
            self.look()
            try:
                with open(path, encoding="utf-8") as file:
                    lines = file.read().split("\n")
            except FileNotFoundError:
                return None
            return lines[:-2] if lines[-2:] == ["end", ""] else None

        found = rig.wait_for(written, "the words")
        os.unlink(path)
        return found

    def complete(self, line):
        """The words that a line, its end completed, makes."""
        self.type(line + "\t\x01words \r")
        return self.words()

    def close(self):
        os.kill(self.process, 9)
        os.waitpid(self.process, 0)
        os.close(self.terminal)


LINES = [
    ("p2pchatctl cha", ["p2pchatctl", "chat"]),
    ("p2pchatctl chat mess", ["p2pchatctl", "chat", "message"]),
    ("p2pchatctl chat message al", ["p2pchatctl", "chat", "message", "alice"]),
    ("p2pchatctl chat message x", ["p2pchatctl", "chat", "message", "x@y-1.z_2"]),
    ("p2pchatctl watch --pe", ["p2pchatctl", "watch", "--peer="]),
    ("p2pchatctl watch --peer=al", ["p2pchatctl", "watch", "--peer=alice"]),
    ("p2pchatctl watch --peer al", ["p2pchatctl", "watch", "--peer", "alice"]),
    ("p2pchatctl watch --type=gap,chat.ref", ["p2pchatctl", "watch", "--type=gap,chat.refused"]),
    ("p2pchatctl consumer forget ba", ["p2pchatctl", "consumer", "forget", "backup"]),
    ("p2pchatctl --socket=./a-f", ["p2pchatctl", "--socket=./a-file"]),
    ("p2pchatctl watch --exec=zpl", ["p2pchatctl", "watch", "--exec=zplain"]),
    ("p2pchatctl watch --exec zpl", ["p2pchatctl", "watch", "--exec", "zplain"]),
]
# Files and programs that would like to be run: each alone begins with its first two letters.
HOSTILE = ["0$(touch hurt)", "1`touch${IFS}hurt`", "2;touch hurt;", "3 touch", "4'\"x"]


class Shells(rig.Test):
    def check(self, shell):
        if shutil.which(shell) is None:
            self.skipTest(f"{shell} is not installed")
        self.write("a-file", "")
        os.mkdir(self.path("bin"))
        for name in ["plain", *HOSTILE]:
            self.write(f"y{name}", "")
            self.write(f"bin/z{name}", "#!/bin/sh\n", 0o755)
        with FakeDaemon(lists) as daemon:
            terminal = Terminal(shell, self.top, daemon.path)
            self.addCleanup(terminal.close)
            for line, words in LINES:
                with self.subTest(line):
                    self.assertEqual(terminal.complete(line), words,
                                     terminal.shown.decode(errors="replace")[-2000:])
            terminal.complete("p2pchatctl chat message \t")
            for name in HOSTILE:
                self.assertEqual(terminal.complete(f"p2pchatctl --socket=y{name[0]}"),
                                 ["p2pchatctl", f"--socket=y{name}"])
                # A program of such a name is quoted, or not offered.
                word = f"--exec=z{name[0]}"
                self.assertIn(terminal.complete(f"p2pchatctl watch {word}")[2:],
                              ([word], [f"--exec=z{name}"]))
        self.assertFalse(os.path.exists(self.path("hurt")))

    def test_bash(self):
        self.check("bash")

    def test_zsh(self):
        self.check("zsh")

    def test_fish(self):
        self.check("fish")


if __name__ == "__main__":
    rig.main()
