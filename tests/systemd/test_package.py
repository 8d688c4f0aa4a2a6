"""The Debian package: built from what `make dist` packs, checked by lintian, and installed, upgraded,
removed and purged with apt-get in a root that has nothing but what Debian brings.

What is wanted for it comes from Debian's mirror, once for all tests: the root, and what the package
depends on. The machines themselves have no network."""

import glob
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading

import machine
import rig

NEEDED = {"dh": "debhelper", "dpkg-buildpackage": "dpkg-dev", "lintian": "lintian",
          "mmdebstrap": "mmdebstrap"}
# As apt-get says that nobody answered.
NO_NETWORK = re.compile(r"Could not resolve|Could not connect|Temporary failure|Failed to fetch|"
                        r"Unable to connect|Connection (failed|timed out|refused)")
BUILD_S = 1200
SOURCE = os.environ.get("top_srcdir", ".")

# Another node of the same machine, which is there whatever becomes of the package's.
BOB = """
[Service]
Type=notify
ExecStart=p2pchatd --config=/dev/null --name=bob --listen=127.0.0.1:28480 \
    --socket=/run/bob/control.sock
User=nobody
RuntimeDirectory=bob
StateDirectory=bob
"""

# Everything but what is the kernel's, of the moment, or in use by apt-get and dpkg themselves.
LIST_FILES = r"""
find / \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /var/tmp -o \
    -path /run/systemd -o -path /run/udev -o -path /run/log -o -path /var/log -o \
    -path /var/cache -o -path /var/lib/apt -o -path /var/lib/dpkg/info \) -prune -o -print | sort
"""


class NoNetwork(Exception):
    pass


def run(*words, **options):
    """What a command of this machine prints; raises when it fails."""
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "DESTDIR", "TMPDIR")}
    environment.update({"DEB_BUILD_OPTIONS": f"nocheck parallel={os.cpu_count()}",
                        "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"})
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=BUILD_S, check=False,
                          env=environment, encoding="utf-8", errors="replace", **options)
    if done.returncode != 0:
        raise machine.Failed(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout[-8000:]}")
    return done.stdout


def run_with_network(*words):
    try:
        run(*words)
    except machine.Failed as failed:
        if NO_NETWORK.search(str(failed)):
            raise NoNetwork(str(failed)) from failed
        raise


class Stock:
    """What all tests use: the package, a newer one, and a root that could install them."""

    def __init__(self, top):
        self.built = os.path.join(top, "built")
        self.root = os.path.join(top, "root")

    def make(self):
        """The root comes over the network while the package is compiled."""
        problems = []

        def bring_root():
            try:
                run_with_network("mmdebstrap", "--variant=minbase", "--include=systemd-sysv",
                                 "--skip=cleanup/apt", release(), self.root)
            except Exception as problem:  # told by the thread that waits
                problems.append(problem)

        bringer = threading.Thread(target=bring_root)
        bringer.start()
        try:
            run("make", "-C", rig.BUILT, "deb", f"DEB_DIR={self.built}")
        finally:
            bringer.join()
        for problem in problems:
            raise problem
        self.offer("package", self.package())
        self.offer("newer", self.make_newer())
        self.bring_dependencies()

    def package(self):
        (found,) = glob.glob(os.path.join(self.built, "p2pchat_*.deb"))
        return found

    def make_newer(self):
        """The same, with a higher version."""
        tree, newer = os.path.join(self.built, "tree"), os.path.join(self.built, "newer.deb")
        run("dpkg-deb", "--raw-extract", self.package(), tree)
        run("sed", "-i", "s/^Version: .*/&+newer/", os.path.join(tree, "DEBIAN", "control"))
        run("dpkg-deb", "--root-owner-group", "--build", tree, newer)
        return newer

    def offer(self, name, path):
        shutil.copyfile(path, os.path.join(self.root, "srv", name + ".deb"))

    def bring_dependencies(self):
        """Into the cache of the root's apt-get, where it finds them without a network."""
        names = os.path.join(self.root, "etc", "resolv.conf")
        shutil.copyfile("/etc/resolv.conf", names)
        run_with_network("chroot", self.root, "apt-get", "install", "--yes", "--download-only",
                         "/srv/package.deb")
        os.unlink(names)


class Package(machine.Test):
    stock = None  # made by main()

    def fresh(self):
        """A machine that has just been installed, without p2pchat."""
        return self.machine(base=self.stock.root).boot()

    def apt_get(self, m, *words):
        said = m.run("apt-get", "--yes", "--quiet", *words, env=["DEBIAN_FRONTEND=noninteractive"])
        self.assertNotRegex(said.err + said.out, "(?i)warning|error|fail")
        return said.out

    def install(self, m, name="package"):
        return self.apt_get(m, "install", f"/srv/{name}.deb")

    def is_enabled(self, m, unit, *options):
        return m.run("systemctl", *options, "is-enabled", unit, check=False).out.strip()

    def test_release_is_the_same_twice(self):
        """Whoever packs it, and whenever."""
        packed = []
        for mask in ("umask 022", "umask 077; TZ=Asia/Tokyo; export TZ"):
            run("sh", "-ec", f'{mask}; make -C "$0" dist', rig.BUILT)
            (path,) = glob.glob(os.path.join(rig.BUILT, "p2pchat-*.tar.gz"))
            with open(path, "rb") as file:
                packed.append(hashlib.sha256(file.read()).hexdigest())
        self.assertEqual(packed[0], packed[1])

    def test_lintian_is_content(self):
        (changes,) = glob.glob(os.path.join(self.stock.built, "*.changes"))
        run("lintian", "--allow-root", "--fail-on=error,warning", changes)

    def test_node_runs_once_it_is_installed(self):
        m = self.fresh()
        self.install(m)
        with open(os.path.join(SOURCE, "debian", "tests", "service"), "rb") as script:
            m.write("/srv/service", script.read(), 0o755)
        m.run("/srv/service")
        for unit, state in (("p2pchatd.service", "enabled"), ("p2pchatd.socket", "enabled"),
                            ("p2pchatd-peer.socket", "disabled"),
                            ("p2pchat-tracker.service", "disabled"),
                            ("p2pchat-tracker.socket", "disabled"),
                            ("p2pchat-tracker-peer.socket", "disabled")):
            self.assertEqual((unit, self.is_enabled(m, unit)), (unit, state))
        for unit in ("p2pchatd.service", "p2pchatd.socket"):
            self.assertEqual(self.is_enabled(m, unit, "--global"), "disabled")
        self.assertIn("p2pchat", m.run("journalctl", "--list-catalog").out)
        self.assertEqual(m.run("systemctl", "is-system-running").out, "running\n")

    def test_examples_can_be_used(self):
        """With all that is commented out."""
        m = self.fresh()
        self.install(m)
        for name, role in (("p2pchatd.conf", "node"), ("tracker.conf", "tracker")):
            example = m.read(f"/usr/share/doc/p2pchat/examples/{name}")
            m.write("/srv/used.conf", re.sub(r"(?m)^#(?=\w+=)", "", example))
            m.run("p2pchatd", "--check-config", f"--role={role}", "--config=/srv/used.conf")

    def befriend(self, m):
        """Bob, who may be stopped afterwards, and the package's node agree to talk."""
        m.unit("bob.service", BOB)
        m.run("systemctl", "start", "bob.service")
        node = m.call("whoami")["peer_id"]
        m.call("chat", "request", "127.0.0.1", "28480")
        m.call("chat", "accept", node, service="bob")
        rig.wait_for(lambda: m.call("contact", "list")["contacts"][0]["consent"] == "mutual",
                     "mutual consent")

    def test_upgrade_loses_nothing_and_refuses_nobody(self):
        m = self.fresh()
        self.install(m)
        m.run("systemctl", "enable", "--now", "p2pchat-tracker.service")
        self.befriend(m)
        m.run("systemctl", "stop", "bob.service")
        texts = ["before the upgrade", "during", "after it"]
        m.call("chat", "message", "bob", texts[0])
        follower = m.spawn("p2pchatctl", "watch", "--type=message.sent", "--count=2",
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(follower.stdout.close)
        before = self.what_runs(m)
        answered = []
        over = threading.Event()

        def ask_all_the_time():
            while not over.is_set():
                answered.append(m.run("p2pchatctl", "status", check=False))

        asker = threading.Thread(target=ask_all_the_time)
        asker.start()
        try:
            self.install(m, "newer")
            m.call("chat", "message", "bob", texts[1])
        finally:
            over.set()
            asker.join()
        # At most one was being answered when the service went; none found the socket closed.
        self.assertLessEqual([one.code for one in answered if one.code != 0], [1], answered)
        after = self.what_runs(m)
        self.assertEqual(before["socket"], after["socket"])
        for unit in ("p2pchatd.service", "p2pchat-tracker.service"):
            self.assertNotEqual(before[unit], after[unit])
        self.assertNotEqual(before["version"], after["version"])

        m.call("chat", "message", "bob", texts[2])
        self.assertEqual(m.call("status")["queued"], 3)
        self.assertEqual(len(follower.stdout.read().splitlines()), 2)
        m.run("systemctl", "start", "bob.service")
        rig.wait_for(lambda: m.call("status")["queued"] == 0, "everything to be delivered")
        received = m.call("history", service="bob")["messages"]
        self.assertEqual([message["text"] for message in received], texts)

    def what_runs(self, m):
        found = {unit: m.show(unit, "InvocationID")
                 for unit in ("p2pchatd.service", "p2pchat-tracker.service")}
        found["socket"] = (os.stat(m.path("/run/p2pchat/control.sock")).st_ino,
                           m.show("p2pchatd.socket", "InvocationID"))
        found["version"] = m.run("dpkg-query", "--show", "p2pchat").out
        return found

    def test_upgrade_respects_what_was_disabled(self):
        m = self.fresh()
        self.install(m)
        m.run("systemctl", "disable", "--now", "p2pchatd.socket", "p2pchatd.service")
        self.install(m, "newer")
        for unit in ("p2pchatd.service", "p2pchatd.socket", "p2pchat-tracker.service",
                     "p2pchat-tracker.socket"):
            self.assertEqual((unit, m.show(unit, "ActiveState")), (unit, "inactive"))
            self.assertEqual(self.is_enabled(m, unit), "disabled")

    def test_completion_is_where_shells_look(self):
        files = run("dpkg-deb", "--contents", self.stock.package())
        for asked, file in ((("zsh", "-f", "-c", "print -l $fpath"), "_p2pchatctl"),
                            (("fish", "-c", "string join \\n $fish_complete_path"), "p2pchatctl.fish")):
            self.assertTrue(any(f" .{place}/{file}\n" in files for place in run(*asked).split()), file)

    def test_word_of_the_administrator_stands(self):
        """What was masked, and what was written, through an upgrade; and a purge follows no link, and
        empties nothing that is mounted below its directories."""
        m = self.fresh()
        self.install(m)
        m.run("systemctl", "mask", "p2pchat-tracker.service")
        m.drop_in("p2pchatd.service", "[Service]\nLimitNOFILE=4096\n")
        m.write("/etc/p2pchat/p2pchatd.conf", "[Node]\nName=alice\n")
        self.install(m, "newer")
        self.assertEqual(self.is_enabled(m, "p2pchat-tracker.service"), "masked")
        self.assertEqual(m.show("p2pchatd.service", "LimitNOFILE"), "4096")
        self.assertEqual(m.call("status")["name"], "alice")
        m.write("/srv/precious/file", "")
        for link in ("link", "link to a file"):
            m.run("ln", "-s", "/srv/precious" + ("/file" if "file" in link else ""),
                  f"/var/lib/p2pchat/{link}")
        # A disk that is mounted stays where it is.
        m.run("mount", "-t", "tmpfs", "-o", "mode=0700", "disk", "/etc/p2pchat-tracker")
        m.run("mkdir", "-p", "/var/lib/p2pchat-tracker/copies")
        m.run("mount", "--bind", "/srv/precious", "/var/lib/p2pchat-tracker/copies")
        purged = m.run("apt-get", "--yes", "purge", "p2pchat")
        self.assertIn("Leaving /var/lib/p2pchat-tracker: something is mounted below it\n",
                      purged.out + purged.err)
        self.assertTrue(os.path.exists(m.path("/srv/precious/file")))
        self.assertFalse(os.path.exists(m.path("/var/lib/p2pchat")))
        self.assertIn("LimitNOFILE", m.read("/etc/systemd/system/p2pchatd.service.d/test.conf"))

    def test_purge_leaves_nothing(self):
        m = self.fresh()
        before = self.files(m)
        self.install(m)
        # A tracker that has no user of its own keeps its files elsewhere.
        m.drop_in("p2pchat-tracker.service", "[Service]\nDynamicUser=yes\nUser=\nGroup=\n")
        m.run("systemctl", "enable", "--now", "p2pchat-tracker.service")
        m.run("systemctl", "enable", "p2pchatd-peer.socket")
        m.run("systemctl", "restart", "p2pchatd.service")
        self.assertEqual(m.call("status")["listen"], ["[::]:443"])
        self.assertTrue(os.path.exists(m.path("/var/lib/private/p2pchat-tracker/identity.key")))
        m.write("/etc/p2pchat/p2pchatd.conf", "[Node]\nName=alice\n")
        peer_id = m.call("whoami")["peer_id"]
        self.assertEqual(self.daemons(m), ["p2pchatd", "p2pchatd"])

        self.apt_get(m, "remove", "p2pchat")
        self.assertEqual(self.daemons(m), [])
        self.assertIn("/var/lib/p2pchat/identity.key", self.files(m))
        self.install(m)
        self.assertEqual(m.call("whoami")["peer_id"], peer_id)

        said = self.apt_get(m, "purge", "--autoremove", "p2pchat")
        for path in ("/var/lib/p2pchat", "/var/lib/private/p2pchat-tracker", "/etc/p2pchat"):
            self.assertIn(f"Removing {path}\n", said)
        m.run("rm", "-r", "/etc/systemd/system/p2pchat-tracker.service.d")
        self.assertEqual(sorted(self.files(m) - before), [])
        self.assertNotIn("p2pchat", m.run("journalctl", "--list-catalog").out)
        self.assertEqual(m.run("getent", "group", "p2pchat").code, 0)

        self.install(m)
        self.assertNotEqual(m.call("whoami")["peer_id"], peer_id)

    def daemons(self, m):
        """Those of ours that run."""
        return [name for name in m.run("sh", "-c", "cat /proc/[0-9]*/comm").out.splitlines()
                if name.startswith("p2pchat")]

    def files(self, m):
        return set(m.run("sh", "-c", LIST_FILES).out.splitlines())


def release():
    """The name of the Debian that this machine runs, in whose clean root the package can run that
    is built here; None when it is another system."""
    system = platform.freedesktop_os_release()
    return system.get("VERSION_CODENAME") if system.get("ID") == "debian" else None


def why_not():
    """Why this cannot be tried here; empty when it can."""
    missing = [package for command, package in NEEDED.items() if not shutil.which(command)]
    if missing:
        return f"needs apt-get install {' '.join(missing)}"
    if release() is None:
        return "this is no Debian"
    if not os.path.isdir(os.path.join(SOURCE, "debian")):
        return "a release has no debian/"
    return machine.why_not()


def main():
    why = why_not()
    with tempfile.TemporaryDirectory(prefix="p2pchat-package-") as top:
        if not why:
            Package.stock = Stock(top)
            try:
                Package.stock.make()
            except NoNetwork as problem:
                print(problem, file=sys.stderr)
                why = "Debian's mirror does not answer"
        if why:
            print(f"1..0 # SKIP {why}")
        else:
            rig.main()


if __name__ == "__main__":
    main()
