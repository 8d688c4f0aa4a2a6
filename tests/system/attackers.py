"""Connections of people who never prove a key, made by a process of its own: hundreds at a time, or
as many as one processor can make."""

import itertools
import multiprocessing
import os
import selectors
import socket
import struct
import subprocess
import time

PREAMBLE_XK = b"P2PC\1\1\0\0"
PREAMBLE_XX = b"P2PC\1\2\0\0"
XX_FIRST_SIZE = 128  # the key, and zeros up to the size of the second message

# What each kind sends at once; those that drip send it byte by byte.
SILENT = b""
GARBAGE = bytes(range(255, 127, -1)) * 64
GIBIBYTE = PREAMBLE_XX + struct.pack(">I", 1 << 30)
LONGEST = PREAMBLE_XX + b"\xff\xff" + bytes(65535)
HALF_PREAMBLE = PREAMBLE_XK[:4]
PREAMBLE_ONLY = PREAMBLE_XK
XX_FIRST = PREAMBLE_XX + struct.pack(">H", XX_FIRST_SIZE) + b"\x09" + bytes(XX_FIRST_SIZE - 1)
KINDS = (SILENT, GARBAGE, GIBIBYTE, LONGEST, HALF_PREAMBLE, PREAMBLE_ONLY, XX_FIRST)
DRIP = object()

DRIP_S = 0.3
SOURCES = 8  # addresses that they come from, none of which a contact has


class Attacker:
    def __init__(self, target, number, kind):
        self.drips = kind is DRIP
        self.left = XX_FIRST if self.drips else kind
        self.socket = socket.socket()
        self.socket.bind((f"127.66.0.{1 + number % SOURCES}", 0))
        self.socket.setblocking(False)
        self.socket.connect_ex(target)
        self.since = time.monotonic()

    def send(self):
        """What is to be said now; a reset is seen where we read."""
        piece = self.left[:1] if self.drips else self.left
        try:
            self.left = self.left[self.socket.send(piece):] if piece else b""
        except BlockingIOError:
            pass
        except OSError:
            self.left = b""

    def is_closed(self):
        try:
            return not self.socket.recv(65536)
        except BlockingIOError:
            return False
        except OSError:
            return True


def run(target, count, kinds, again, stop, lives):
    """`count` attackers at any time, or, unless `again`, once; puts how long the longest lived."""
    selector = selectors.DefaultSelector()
    numbers = itertools.count()
    kinds = itertools.cycle(kinds)
    longest = 0.0

    def enter():
        attacker = Attacker(target, next(numbers), next(kinds))
        selector.register(attacker.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, attacker)

    for _ in range(count):
        enter()
    dripped = time.monotonic()
    while selector.get_map() and not stop.is_set():
        is_turn = time.monotonic() - dripped > DRIP_S
        if is_turn:
            dripped += DRIP_S
        for key, events in selector.select(DRIP_S / 4):
            attacker = key.data
            if events & selectors.EVENT_WRITE:
                attacker.send()
                if attacker.drips or not attacker.left:
                    selector.modify(attacker.socket, selectors.EVENT_READ, attacker)
            if events & selectors.EVENT_READ and attacker.is_closed():
                longest = max(longest, time.monotonic() - attacker.since)
                selector.unregister(attacker.socket)
                attacker.socket.close()
        if is_turn:
            for key in selector.get_map().values():
                if key.data.drips:
                    key.data.send()
            if again:
                for _ in range(count - len(selector.get_map())):
                    enter()
    lives.put((longest, len(selector.get_map())))


class Attack:
    """`with Attack(...)`: while it lasts."""

    def __init__(self, target, count, kinds=(*KINDS, DRIP), again=True):
        host, port = target.rsplit(":", 1)
        context = multiprocessing.get_context("fork")
        self.stop = context.Event()
        self.lives = context.SimpleQueue()
        self.process = context.Process(
            target=run, args=((host, int(port)), count, kinds, again, self.stop, self.lives))

    def __enter__(self):
        self.process.start()
        return self

    def over(self):
        """Waits for the end of all; returns how long the longest lived, in seconds."""
        longest, left = self.lives.get()
        self.process.join()
        return longest, left

    def __exit__(self, *_):
        self.stop.set()
        self.process.join()


class Flood:
    """`with Flood(...)`: links that are begun and dropped, as fast as one processor can, half of them
    silent, for so many seconds. They come from any of `count` addresses from `first` on."""

    def __init__(self, target, seconds, first, count):
        program = os.path.join(os.environ.get("top_builddir", "."), "tests", "system", "flood")
        self.command = [program, target.rsplit(":", 1)[1], str(seconds), first, str(count)]
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE)
        return self

    def goes_on(self):
        return self.process.poll() is None

    def made(self):
        """How many there were; waits for the end."""
        return int(self.process.communicate()[0])

    def __exit__(self, *_):
        if self.goes_on():
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
