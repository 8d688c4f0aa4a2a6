"""A daemon that says what a test tells it to, on a Unix socket in a directory of its own."""

import fcntl
import json
import os
import shutil
import socket
import tempfile
import termios
import threading
import time

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
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:  # the end, of one who had not read everything
                return None
            if not data:
                return None
            self.received += data
        found, _, self.received = self.received.partition(b"\n")
        return found

    def read_request(self):
        return json.loads(self.read_line())

    def wait_until_read(self):
        """Until the client has taken all that was sent."""
        end = time.monotonic() + DEADLINE_S
        while fcntl.ioctl(self.sock, termios.TIOCOUTQ, b"\0\0\0\0") != b"\0\0\0\0":
            if time.monotonic() > end:
                raise AssertionError("what was sent is not read")
            time.sleep(0.001)

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
    """with FakeDaemon(serve) as daemon: serve(connection) runs once for each client, each in a
    thread of its own. Of several, the first client has the first, and so on; the last one stays.
    What they raise is raised again at the end of the block."""

    def __init__(self, *serve):
        self.serve = list(serve)
        self.directory = tempfile.mkdtemp(prefix="p2pchat-test-")
        self.path = os.path.join(self.directory, "control.sock")
        self.failure = None
        self.clients = []
        self.start()

    def start(self):
        """Answers on the socket, for the first time or again."""
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def stop(self):
        """Answers no more; the socket's file stays, and so do clients."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(DEADLINE_S)
        self.listener.close()

    def run(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            serve = self.serve[0] if len(self.serve) == 1 else self.serve.pop(0)
            self.clients.append(threading.Thread(target=self.attend, args=(serve, sock),
                                                 daemon=True))
            self.clients[-1].start()

    def attend(self, serve, sock):
        with sock:
            try:
                serve(Connection(sock))
            except Exception as problem:  # told to the test, which runs in another thread
                self.failure = self.failure or problem

    def __enter__(self):
        return self

    def __exit__(self, kind, _value, _trace):
        if self.listener.fileno() >= 0:
            self.stop()
        for client in self.clients:
            client.join(DEADLINE_S)
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
    """A daemon that gives this result to every request."""
    def serve(connection):
        while (request := connection.read_line()) is not None:
            connection.send(answer(json.loads(request), result))
    return serve
