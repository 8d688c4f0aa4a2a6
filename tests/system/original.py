"""A stand-in for the original program, which people run: plain JSON, from one peer to another.

Written from the facts that p2pchat-protocol(7) tells of the classic dialect: one connection for
each message, one object on it, then the end; who receives reads once, at most 2,048 bytes. Every
peer listens; an answer comes on a new connection, to the host and port that the asker named.

Tests import it; it can also be run by hand:

    original.py server [--port=30000]
    original.py peer NAME [--port=40000] [--server=localhost:30000]
"""

import argparse
import json
import socket
import sys
import threading
import time

BUFFER = 2048  # all that is read of a message
SERVER_PORT = 30000
PEER_PORT = 40000
DEADLINE_S = 60


def encode(kind, data):
    return json.dumps({"msgtype": kind, "msgdata": data}).encode()


class Endpoint:
    """Who listens for messages. Each goes to the method that is called as its type."""

    def __init__(self, host="127.0.0.1", port=0, named=None):
        """`host`: the address it listens at and comes from; `named`: what it says its host is."""
        self.listener = socket.create_server((host, port), backlog=128)
        self.address = host
        self.host = named or host
        self.port = self.listener.getsockname()[1]
        self.manners = "reads"  # or "stalls": accepts, and that is all; "resets": does not even
        self.arrived = threading.Condition()
        self.source = None  # the host that the last connection came from
        self.received = []  # pairs of type and data, in order; and what broke, as (None, bytes)
        self.taken = 0      # of them, by wait
        self.held = []      # connections that nobody reads
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        except OSError:
            pass  # it ended before
        self.thread.join()
        self.listener.close()
        for connection in self.held:
            connection.close()

    def at(self):
        return f"{self.address}:{self.port}"

    # --- Receiving ---

    def serve(self):
        while True:
            try:
                connection, source = self.listener.accept()
            except OSError:
                return
            self.source = source[0]
            if self.manners == "stalls":
                self.held.append(connection)
                continue
            with connection:
                if self.manners == "reads":
                    self.receive(connection)

    def receive(self, connection):
        """One message; what follows of it comes before the connection is closed."""
        connection.settimeout(DEADLINE_S)
        try:
            data = connection.recv(BUFFER)
        except OSError:
            data = b""
        try:
            message = json.loads(data)
            kind, content = message["msgtype"], message["msgdata"]
        except (ValueError, KeyError, TypeError, RecursionError):
            self.note(None, data)
            return
        handler = getattr(self, kind, None) if str(kind).isupper() else None
        try:
            if handler is not None:
                handler(content)
        except (OSError, ValueError, KeyError, TypeError, OverflowError):
            pass  # who asked is not there any more, or said nonsense
        self.note(kind, content)

    def note(self, kind, content):
        with self.arrived:
            self.received.append((kind, content))
            self.arrived.notify_all()

    def wait(self, kind, **fields):
        """The data of the next message of that type with these fields; those before are skipped."""
        end = time.monotonic() + DEADLINE_S
        with self.arrived:
            while True:
                while self.taken < len(self.received):
                    self.taken += 1
                    came, content = self.received[self.taken - 1]
                    if came == kind and all(content.get(f) == v for f, v in fields.items()):
                        return content
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"waited in vain for {kind}; last came {self.received[-5:]}")
                self.arrived.wait(left)

    def count(self, kind):
        """How many messages of that type came."""
        with self.arrived:
            return sum(came == kind for came, _ in self.received)

    # --- Sending ---

    def send(self, to, kind, **data):
        self.send_bytes(to, encode(kind, data))

    def send_bytes(self, to, content):
        with self.connect(to) as connection:
            connection.sendall(content)

    def connect(self, to):
        return socket.create_connection(to, DEADLINE_S, (self.address, 0))


class Server(Endpoint):
    """Keeps names, and tells who is registered where the others are."""

    def __init__(self, *arguments, **options):
        self.peers = {}
        super().__init__(*arguments, **options)

    def REGISTER(self, data):
        name, at = data["peername"], (data["host"], data["port"])
        is_taken = name in self.peers  # also when it is the one who asks
        self.peers.setdefault(name, at)
        self.send(at, "REGISTER_ERROR" if is_taken else "REGISTER_SUCCESS")

    def LISTPEER(self, data):
        at = self.peers.get(data["peername"])
        if at is not None:
            self.send(at, "LISTPEER",
                      peerlist={name: list(where) for name, where in self.peers.items()})

    def EXIT_NETWORK(self, data):
        self.peers.pop(data["peername"], None)


class Peer(Endpoint):
    """Somebody who talks. What it was asked is answered when accept or refuse is called."""

    def __init__(self, name, *arguments, server=None, port_is_text=False, **options):
        """`server`: a pair of host and port. `port_is_text`: it says "40000" for 40000."""
        self.name = name
        self.server = server
        self.port_is_text = port_is_text
        self.peerlist = {}
        self.asked_by = {}   # name: where, of those who wait for an answer
        self.connected = {}  # name: where
        self.texts = []      # pairs of name and text
        super().__init__(*arguments, **options)

    def card(self):
        return {"peername": self.name, "host": self.host,
                "port": str(self.port) if self.port_is_text else self.port}

    # --- What the user does ---

    def register(self):
        self.send(self.server, "REGISTER", **self.card())

    def list(self):
        self.send(self.server, "LISTPEER", peername=self.name)

    def exit(self):
        self.send(self.server, "EXIT_NETWORK", peername=self.name)

    def request(self, host, port, kind="CHAT_REQUEST"):
        """A later version of the program says REQUEST."""
        self.send((host, port), kind, **self.card())

    def accept(self, name):
        where = self.asked_by.pop(name)
        self.connected[name] = where
        self.send(where, "CHAT_ACCEPT", **self.card())

    def refuse(self, name):
        self.send(self.asked_by.pop(name), "CHAT_REFUSE")

    def message(self, name, text):
        self.send(self.connected[name], "CHAT_MESSAGE", peername=self.name, message=text)

    def disconnect(self, name):
        self.send(self.connected.pop(name), "DISCONNECT", peername=self.name)

    # --- What the others say ---

    def REGISTER_SUCCESS(self, _):
        self.list()

    def LISTPEER(self, data):
        self.peerlist = {name: tuple(where) for name, where in data["peerlist"].items()}

    def CHAT_REQUEST(self, data):
        self.asked_by[data["peername"]] = data["host"], data["port"]

    REQUEST = CHAT_REQUEST

    def CHAT_ACCEPT(self, data):
        self.connected[data["peername"]] = data["host"], data["port"]

    def CHAT_MESSAGE(self, data):
        if data["peername"] in self.connected:
            self.texts.append((data["peername"], data["message"]))

    def DISCONNECT(self, data):
        self.connected.pop(data["peername"], None)


# --- Misbehaviour: what anybody can send to who listens for the dialect ---

HALF = b'{"msgtype": "CHAT_REQUEST", "msgdata": {"peername": "mallory", "ho'
DEPTH = 100_000
MISBEHAVIOURS = {
    "silence": b"",
    "half an object": HALF,
    "not UTF-8": b'{"msgtype": "CHAT_REQUEST", "msgdata": {"peername": "\xff\xfe"}}',
    "not JSON": b"{'msgtype': None}",
    "no object": b'["CHAT_REQUEST"]',
    "nothing in it": b"{}",
    "another protocol": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "deep nesting": b'{"msgtype": "CHAT_REQUEST", "msgdata": ' + b"[" * DEPTH + b"]" * DEPTH + b"}",
    "deep nesting that stays open": b'{"msgdata": ' * DEPTH,
    "wrong types": encode("CHAT_REQUEST", {"peername": {}, "host": [], "port": True}),
    "no such port": encode("CHAT_REQUEST", {"peername": "mallory", "host": "127.0.0.1",
                                            "port": 65536}),
    "no such type": encode("CHAT_SHOUT", {"peername": "mallory"}),
}


def twice(kind, data):
    """Two objects where one is due."""
    return encode(kind, data) * 2


def flood(total):
    """One object that does not end, piece by piece."""
    yield HALF
    piece = b"x" * 65536
    for _ in range(total // len(piece)):
        yield piece


def outlasts(to, content, source="127.0.0.1"):
    """Sends `content` (bytes, or pieces of them), and then waits without closing. Returns for how
    many seconds the other side bore it, and how many bytes went out."""
    start, sent = time.monotonic(), 0
    with socket.create_connection(to, DEADLINE_S, (source, 0)) as connection:
        try:
            for piece in [content] if isinstance(content, bytes) else content:
                connection.sendall(piece)
                sent += len(piece)
            while connection.recv(BUFFER):
                pass
        except ConnectionError:
            pass
    return time.monotonic() - start, sent


# --- By hand ---

def run(peer, line):
    words = line.split()
    if words == ["register"]:
        peer.register()
    elif words == ["listpeer"]:
        peer.list()
        peer.wait("LISTPEER")
        for name, (host, port) in peer.peerlist.items():
            print(name, host, port)
    elif words[:2] == ["chat", "request"] and len(words) == 4:
        peer.request(words[2], int(words[3]))
    elif words[:2] in (["chat", "accept"], ["chat", "refuse"]) and len(words) == 3:
        {"accept": peer.accept, "refuse": peer.refuse}[words[1]](words[2])
    elif words[:2] == ["chat", "message"] and len(words) > 3:
        peer.message(words[2], line.split(None, 3)[3])
    elif words == ["list", "connected", "peer"]:
        for name, (host, port) in peer.connected.items():
            print(name, host, port)
    elif words[:1] == ["disconnect"] and len(words) == 2:
        peer.disconnect(words[1])
    elif words == ["exit", "network"]:
        peer.exit()
    elif words:
        print("what?")


class Shown:
    """Prints what comes."""

    def note(self, kind, content):
        super().note(kind, content)
        print(kind, content, flush=True)


class ShownServer(Shown, Server):
    pass


class ShownPeer(Shown, Peer):
    pass


def main():
    parser = argparse.ArgumentParser()
    roles = parser.add_subparsers(dest="role", required=True)
    server = roles.add_parser("server")
    server.add_argument("--port", type=int, default=SERVER_PORT)
    peer = roles.add_parser("peer")
    peer.add_argument("name")
    peer.add_argument("--port", type=int, default=PEER_PORT)
    peer.add_argument("--server", default=f"localhost:{SERVER_PORT}")
    arguments = parser.parse_args()
    if arguments.role == "server":
        ShownServer(port=arguments.port, named="localhost").thread.join()
        return
    host, port = arguments.server.rsplit(":", 1)
    with ShownPeer(arguments.name, port=arguments.port, named="localhost",
                   server=(host, int(port))) as shown:
        for line in sys.stdin:
            try:
                run(shown, line)
            except (OSError, KeyError, ValueError) as error:
                print(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
