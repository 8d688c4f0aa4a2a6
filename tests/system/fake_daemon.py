"""A daemon that says what a test tells it to, on a Unix socket in a directory of its own."""

import json
import os
import shutil
import socket
import tempfile
import threading

from rig import DEADLINE_S


def line(value):
    return json.dumps(value).encode() + b"\n"


def answer(request, result):
    return line({"jsonrpc": "2.0", "id": request["id"], "result": result})


def error(request, code, message, name):
    return line({"jsonrpc": "2.0", "id": request["id"],
                 "error": {"code": code, "message": message, "data": {"name": name}}})


def event(members):
    return line({"jsonrpc": "2.0", "method": "event", "params": members})


class Connection:
    """One client, seen from the daemon."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(DEADLINE_S)
        self.received = b""

    def read_line(self):
        """The next line without its newline; None at the end of the stream."""
        while b"\n" not in self.received:
            data = self.sock.recv(65536)
            if not data:
                return None
            self.received += data
        found, _, self.received = self.received.partition(b"\n")
        return found

    def read_request(self):
        return json.loads(self.read_line())

    def read_rest(self):
        """All that comes until the client closes."""
        try:
            while data := self.sock.recv(65536):
                self.received += data
        except ConnectionResetError:
            pass
        return self.received

    def send(self, data):
        """Also to a client that has heard enough."""
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass


class FakeDaemon:
    """with FakeDaemon(serve) as daemon: serve(connection) runs once for each client, in a thread.
    What it raises is raised again at the end of the block."""

    def __init__(self, serve):
        self.serve = serve
        self.directory = tempfile.mkdtemp(prefix="p2pchat-test-")
        self.path = os.path.join(self.directory, "control.sock")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.failure = None
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with sock:
                try:
                    self.serve(Connection(sock))
                except Exception as problem:  # told to the test, which runs in another thread
                    self.failure = self.failure or problem

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, _value, _trace):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(DEADLINE_S)
        self.listener.close()
        shutil.rmtree(self.directory)
        if kind is None and self.failure is not None:
            raise self.failure


def saying(*parts):
    """A daemon that reads a request and says these bytes, whatever it was, then closes."""
    def serve(connection):
        connection.read_line()
        for part in parts:
            connection.send(part)
    return serve


def answering(result):
    """A daemon that gives this result to one request."""
    def serve(connection):
        connection.send(answer(connection.read_request(), result))
    return serve
