"""A wire in the hands of somebody: a TCP proxy that knows where frames begin and end.

What a Wire does to its first connection is its mischief, a function

    mischief(way, index, frame) -> a list of (way, bytes) to be sent instead; CUT ends both sides

that is asked for each frame. `way` is DIALLER or LISTENER, whom the frame comes from and, in what is
sent, whom it claims to come from; `index` counts the frames of that side. The dialler's are its
preamble, two handshake messages and records; the listener's one handshake message and records.
Later connections are clean.
"""

import selectors
import socket
import threading
import time

DIALLER, LISTENER = 0, 1
PREAMBLE_SIZE = 8
CUT = (None, None)
RECORDS_FROM = (3, 1)  # the index of the first record of each side


def pass_on(way, _index, frame):
    return [(way, frame)]


class Frames:
    """Cuts what one side sends into frames, each with its length in front."""

    def __init__(self, way):
        self.next = PREAMBLE_SIZE if way == DIALLER else None
        self.bytes = b""

    def take(self, more):
        self.bytes += more
        while True:
            size = self.next
            if size is None:
                if len(self.bytes) < 2:
                    return
                size = 2 + int.from_bytes(self.bytes[:2], "big")
            if len(self.bytes) < size:
                return
            self.next = None
            frame, self.bytes = self.bytes[:size], self.bytes[size:]
            yield frame


class Connection:
    """One connection through a wire; runs in a thread of its own."""

    def __init__(self, dialled, target, mischief):
        self.mischief = mischief
        self.frames = ([], [])        # all that each side said
        self.closed = [None, None]    # when each side ended, by itself and not because of us
        self.sides = [dialled, socket.create_connection(target)]
        self.over = threading.Event()

    def start(self):
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        cutters = [Frames(DIALLER), Frames(LISTENER)]
        selector = selectors.DefaultSelector()
        for way, side in enumerate(self.sides):
            selector.register(side, selectors.EVENT_READ, way)
        try:
            while selector.get_map():
                for key, _ in selector.select():
                    if not self.step(key.data, cutters[key.data]):
                        selector.unregister(key.fileobj)
        finally:
            selector.close()
            for side in self.sides:
                side.close()
            self.over.set()

    def step(self, way, cutter):
        """Reads once from one side; false at its end, which is passed on."""
        try:
            got = self.sides[way].recv(65536)
        except OSError:
            got = b""
        if not got:
            self.closed[way] = time.monotonic()
            self.end(1 - way)
            return False
        for frame in cutter.take(got):
            index = len(self.frames[way])
            self.frames[way].append(frame)
            for whose, piece in self.mischief(way, index, frame):
                if piece is None:
                    self.cut()
                else:
                    self.put(1 - whose, piece)
        return True

    def put(self, way, piece):
        try:
            self.sides[way].sendall(piece)
        except OSError:
            pass  # it is seen where we read

    def end(self, way):
        try:
            self.sides[way].shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def cut(self):
        self.end(DIALLER)
        self.end(LISTENER)


class Wire:
    """Listens on a port of its own and passes on to `target`, a host:port."""

    def __init__(self, target, mischief=pass_on):
        host, port = target.rsplit(":", 1)
        self.target = (host, int(port))
        self.mischief = mischief
        self.connections = []
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = f"127.0.0.1:{self.listening.getsockname()[1]}"
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                dialled, _ = self.listening.accept()
            except OSError:
                return
            mischief = pass_on if self.connections else self.mischief
            try:
                self.connections.append(Connection(dialled, self.target, mischief))
                self.connections[-1].start()
            except OSError:  # nobody is there
                dialled.close()

    def first(self):
        return self.connections[0] if self.connections else None

    def close(self):
        # wakes accept(), which a close() of another thread does not
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        for connection in self.connections:
            connection.cut()


# --- Mischief. Each does its own once, and says so by `done`. ---

class Once:
    """Something that happens to the frame `index` of `way`, or to the first later one."""

    def __init__(self, way, index):
        self.way, self.index = way, index
        self.done = False

    def __call__(self, way, index, frame):
        if self.done or way != self.way or index < self.index:
            return [(way, frame)]
        self.done = True
        return self.act(frame)

    def __str__(self):
        side = ("dialler", "listener")[self.way]
        more = {k: v for k, v in vars(self).items()
                if k not in ("way", "index", "done") and isinstance(v, (int, float))}
        return f"{type(self).__name__} {side} {self.index} {more or ''}"


class Alter(Once):
    """One bit of the byte at `position`; from the end, if negative."""

    def __init__(self, way, index, position, mask=0x01):
        super().__init__(way, index)
        self.position, self.mask = position, mask

    def act(self, frame):
        altered = bytearray(frame)
        position = self.position if self.position < len(frame) else len(frame) - 1
        altered[position] ^= self.mask
        return [(self.way, bytes(altered))]


class Truncate(Once):
    """Only a part of the frame comes through, then what follows it."""

    def __init__(self, way, index, share):
        super().__init__(way, index)
        self.share = share

    def act(self, frame):
        return [(self.way, frame[:int(len(frame) * self.share)])]


class Cut(Once):
    """Only a part of the frame comes through, then the end."""

    def __init__(self, way, index, share):
        super().__init__(way, index)
        self.share = share

    def act(self, frame):
        return [(self.way, frame[:int(len(frame) * self.share)]), CUT]


class Drop(Once):
    def act(self, frame):
        return [(self.way, b"")]


class Repeat(Once):
    def act(self, frame):
        return [(self.way, frame), (self.way, frame)]


class Reflect(Once):
    """Back to who said it, and on."""

    def act(self, frame):
        return [(1 - self.way, frame), (self.way, frame)]


class Turn(Once):
    """Back to who said it, instead of on."""

    def act(self, frame):
        return [(1 - self.way, frame)]


class Insert(Once):
    """Something else first."""

    def __init__(self, way, index, piece):
        super().__init__(way, index)
        self.piece = piece

    def act(self, frame):
        return [(self.way, self.piece), (self.way, frame)]


class Reorder(Once):
    """After the frame that follows it."""

    def __init__(self, way, index):
        super().__init__(way, index)
        self.held = None

    def __call__(self, way, index, frame):
        if self.done or way != self.way or index < self.index:
            return [(way, frame)]
        if self.held is None:
            self.held = frame
            return [(way, b"")]
        self.done = True
        return [(way, frame), (way, self.held)]
