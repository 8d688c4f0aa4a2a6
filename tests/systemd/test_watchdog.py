"""Services that hang are started again, and those that are slow are not: p2pchatd(8), Watchdog."""

import subprocess
import time

import machine
import rig
import slow

UNIT = "p2pchatd.service"
WATCHDOG_S = 15
CALL_S = WATCHDOG_S * 2 / 3  # what one call to the disk may take


class Watchdog(slow.Test):
    def setUp(self):
        super().setUp()
        self.m = m = self.machine()
        m.drop_in(UNIT, f"[Service]\nWatchdogSec={WATCHDOG_S}\n")
        m.boot()
        self.pid = m.main_pid(UNIT)

    def wait_for_another(self):
        """Another process, after this one was ended."""
        m = self.m
        rig.wait_for(lambda: m.main_pid(UNIT) not in (0, self.pid), "another process")
        rig.wait_for(lambda: m.show(UNIT, "ActiveState") == "active", "it to be ready")
        self.assertEqual(m.show(UNIT, "NRestarts"), "1")
        self.assertEqual(m.call("status")["log"]["state"], "ok")

    def wait_for_the_watchdog(self):
        rig.wait_for(lambda: "Watchdog timeout" in self.m.messages("-u", UNIT), "the watchdog")

    def begin_to_follow(self, name):
        """Which is kept before anything else is answered."""
        watch = self.m.spawn("p2pchatctl", "watch", f"--as={name}", "--no-reconnect",
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(watch.wait)
        self.addCleanup(self.m.close)  # which ends it

    def consumers(self):
        return {one["consumer"] for one in self.m.call("consumer", "list")["consumers"]}

    def test_the_process_hangs(self):
        self.m.run("kill", "-STOP", str(self.pid))
        self.wait_for_the_watchdog()
        self.wait_for_another()

    def test_the_disk_hangs(self):
        self.slow(self.m, self.pid, "fdatasync", slow.FOR_EVER_S)
        self.begin_to_follow("bot")
        self.wait_for_the_watchdog()
        self.swift_again(self.m)  # whom the kernel holds in a call dies when that ends
        self.wait_for_another()
        self.assertIn("the disk has not answered for", self.m.messages("-u", UNIT))

    def test_the_disk_is_slow(self):
        """A commit takes longer than the watchdog waits, but none of its calls does."""
        m = self.m
        self.slow(m, self.pid, "fdatasync,pwrite64", CALL_S * 0.6)
        begun = time.monotonic()
        self.begin_to_follow("bot")
        rig.wait_for(lambda: "bot" in self.consumers(), "the first commit")
        self.assertGreater(time.monotonic() - begun, WATCHDOG_S)
        self.swift_again(m)
        self.assertEqual(m.main_pid(UNIT), self.pid)
        self.assertEqual(m.show(UNIT, "NRestarts"), "0")
        self.assertNotIn("has not answered", m.messages("-u", UNIT))


if __name__ == "__main__":
    machine.main()
