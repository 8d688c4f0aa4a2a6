"""Machines whose first process is a real systemd, for tests of units (needs root and
systemd-nspawn).

    class Service(machine.Test):
        def test_answers(self):
            m = self.machine()                      # p2pchat is installed and the node is enabled
            m.drop_in("p2pchatd.service", "[Service]\\nWatchdogSec=5\\n")
            m.boot()
            self.assertEqual(m.show("p2pchatd", "ActiveState"), "active")
            m.run("p2pchatctl", "status")           # raises when it fails; .code, .out, .err
            m.power_off()                           # optional: it is cleaned up anyway

    if __name__ == "__main__":
        machine.main()                              # TAP, or why it cannot run here

A machine sees the files of this one through an overlay, so whatever is installed here is there, and
what it changes is gone with it. It has what `make install` installs, as the build was configured, a
network with nothing but loopback, and no unit enabled but ours. /tmp and /run are its own: where
files are to be handed in, use write() or path().
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
import rig  # noqa: E402

# What a command in a machine may take: other machines are ten times slower. Longer than any that
# waits for a daemon itself.
COMMAND_S = 300
BOOT_S = 300

UNITS = ("p2pchatd.service", "p2pchatd.socket", "p2pchatd-peer.socket", "p2pchat-tracker.service",
         "p2pchat-tracker.socket", "p2pchat-tracker-peer.socket")

# Everything goes when its first process does: mounts and processes with their namespaces.
KEEPER = r"""
set -e
mount -t tmpfs -o mode=0755 machine "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay machine -o "lowerdir=$3,upperdir=$1/upper,workdir=$1/work" "$1/root"
echo mounted
read -r go
place=$1 name=$2
shift 3
exec systemd-nspawn --quiet --directory="$place/root" --boot --register=no --keep-unit \
    --private-network --console=pipe --machine="$name" --link-journal=no --resolv-conf=off \
    --timezone=off "$@" </dev/null
"""


class Failed(AssertionError):
    """A command ended with another status than 0."""


class Result:
    """What a command did."""

    def __init__(self, command, code, out, err):
        self.command, self.code, self.out, self.err = command, code, out, err

    def __repr__(self):
        return f"{' '.join(self.command)}: exit {self.code}\n{self.out}{self.err}"


def why_not():
    """Why there can be no machines here; empty when there can."""
    if os.geteuid() != 0:
        return "needs root"
    for needed in ("systemd-nspawn", "systemd-sysusers", "nsenter", "unshare", "setpriv"):
        if not shutil.which(needed):
            return f"needs {needed}: apt-get install systemd-container util-linux"
    if os.environ.get("sanitizers", "no") != "no":
        return "sanitizers cannot live in the sandbox of the units"
    if subprocess.run(["unshare", "--mount", "--pid", "--fork", "--mount-proc", "true"],
                      stderr=subprocess.DEVNULL, check=False).returncode != 0:
        return "no mount namespaces here"
    return ""


def cgroups_of_machine(name):
    """A control group for the machine in each hierarchy that systemd uses, so that several do not
    take each other's units for their own. Returns the directories."""
    made = []
    for hierarchy in ("", "systemd", "unified"):
        top = os.path.join("/sys/fs/cgroup", hierarchy)
        if os.path.exists(os.path.join(top, "cgroup.procs")):
            remove_leftovers(top)
            own = os.path.join(top, name)
            os.makedirs(own, exist_ok=True)
            made.append(own)
    return made


def remove_leftovers(top):
    """Groups of tests that were killed: empty, as their processes went with them."""
    for name in os.listdir(top):
        owner = re.fullmatch(r"p2pchat-(\d+)-\d+", name)
        if owner and not os.path.exists(f"/proc/{owner.group(1)}"):
            with contextlib.suppress(OSError):
                remove_cgroup(os.path.join(top, name))


def remove_cgroup(top):
    for where, _, _ in os.walk(top, topdown=False):
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(where)


class Machine:
    """Made at once; starts with boot(). Before that, files can be changed and commands run in it
    that need no systemd. close() ends it, whatever it is doing."""

    made = 0

    def __init__(self, top, nspawn=(), base=None):
        """`top`: a directory of the test's. `nspawn`: more options for systemd-nspawn. `base`: the
        files that it sees and nothing is done to, instead of this machine's with p2pchat."""
        Machine.made += 1
        self.name = f"p2pchat-{os.getpid()}-{Machine.made}"
        self.place = os.path.join(top, self.name)
        os.mkdir(self.place)
        self.console_path = os.path.join(top, self.name + ".log")
        self.leader = None  # its first process, once there is one
        self.cgroups = cgroups_of_machine(self.name)
        with open(self.console_path, "wb") as console:
            self.keeper = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork",
                 "--kill-child", "--mount-proc", "--propagation", "private", "sh", "-c", KEEPER,
                 "sh", self.place, self.name, base or "/", *nspawn],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=console)
        if self.keeper.stdout.readline() != b"mounted\n":
            raise Failed(f"no overlay: {self.console()}")
        self.outside = self.only_child(self.keeper.pid)
        for cgroup in self.cgroups:
            with open(os.path.join(cgroup, "cgroup.procs"), "w", encoding="ascii") as file:
                file.write(str(self.outside))
        try:
            if base is None:
                self.prepare()
        except BaseException:
            self.close()
            raise

    # --- Before it runs ---

    @staticmethod
    def children(pid):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]

    def only_child(self, pid):
        return rig.wait_for(lambda: self.children(pid), "a child")[0]

    def in_its_files(self, *command, **options):
        """Runs a command of this machine that sees the other's files at self.place/root."""
        done = subprocess.run(["nsenter", f"--target={self.outside}", "--mount", "--pid", *command],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=COMMAND_S, check=False,
                              encoding="utf-8", errors="replace", **options)
        if done.returncode != 0:
            raise Failed(repr(Result(command, done.returncode, done.stdout, "")))

    def prepare(self):
        """Installs p2pchat and takes out what is enabled on this machine for its own sake."""
        root = os.path.join(self.place, "root")
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "TMPDIR")}
        self.in_its_files("sh", "-ec", """
            rm -rf "$1"/etc/systemd/system/*.wants "$1"/etc/systemd/system/*.requires
            rm -rf "$1"/etc/rc?.d "$1"/etc/rcS.d "$1"/var/log/journal
            rm -f "$1"/etc/machine-id "$1"/var/lib/dbus/machine-id "$1"/etc/resolv.conf
            touch "$1"/etc/machine-id "$1"/etc/resolv.conf
            mkdir -p "$1"/var/log/journal
            echo 127.0.0.1 localhost >"$1"/etc/hosts
            echo ::1 localhost >>"$1"/etc/hosts
            """, "sh", root)
        self.in_its_files("make", "-C", os.path.abspath(rig.BUILT), "install", f"DESTDIR={root}",
                          env=environment)
        self.in_its_files("systemd-sysusers", f"--root={root}")
        self.in_its_files("systemctl", f"--root={root}", "preset", *UNITS)
        self.in_its_files("journalctl", f"--root={root}", "--update-catalog")

    # --- Its files ---

    def path(self, inside):
        """Where a file of the machine is for this process. Symbolic links that begin with / lead
        astray."""
        if self.leader is not None:
            return f"/proc/{self.leader}/root{inside}"
        return f"/proc/{self.outside}/root{self.place}/root{inside}"

    def write(self, inside, text, mode=0o644):
        """Writes a file, its directories too when they are missing. /tmp and /run begin to be when
        it runs."""
        path = self.path(inside)
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        with open(path, "wb") as file:
            file.write(text.encode() if isinstance(text, str) else text)
        os.chmod(path, mode)

    def read(self, inside):
        with open(self.path(inside), encoding="utf-8") as file:
            return file.read()

    def unit(self, name, text):
        """Adds a unit, or replaces it; systemd knows it at once."""
        self.write(f"/etc/systemd/system/{name}", text)
        self.reload_units()

    def drop_in(self, unit, text, name="test"):
        """Adds to a unit; systemd knows it at once, the running service only after a restart."""
        self.unit(f"{unit}.d/{name}.conf", text)

    def reload_units(self):
        if self.leader is not None:
            self.run("systemctl", "daemon-reload")

    # --- Running ---

    def boot(self):
        """Returns when everything that is enabled has started, or failed."""
        self.keeper.stdin.write(b"go\n")
        self.keeper.stdin.flush()
        end = time.monotonic() + BOOT_S
        while self.leader is None:
            self.leader = self.find_leader()
            self.check_alive(end)
        while True:
            state = self.run("systemctl", "is-system-running", "--wait", check=False).out.strip()
            if state in ("running", "degraded"):
                return self
            self.check_alive(end)

    def check_alive(self, end):
        if self.keeper.poll() is not None or time.monotonic() > end:
            raise Failed(f"the machine did not boot: {self.console()}")
        time.sleep(0.02)

    def find_leader(self):
        """The first process of the third namespace: ours, the keeper's, the machine's."""
        for child in self.children(self.outside):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                with open(f"/proc/{child}/status", encoding="utf-8") as status:
                    pids = next(line for line in status if line.startswith("NSpid:")).split()[1:]
                if len(pids) == 3 and pids[-1] == "1":
                    return child
        return None

    def command(self, *words, user=None, env=()):
        """What runs `words` in the machine, for subprocess. `user`: a name that it knows. `env`:
        strings like NAME=value; PATH, HOME, USER and LANG are there, nothing else is."""
        home = ["HOME=/root", "USER=root"]
        become = []
        if user is not None:
            home = [f"HOME=/home/{user}", f"USER={user}"]
            become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
        return ["nsenter", f"--target={self.leader}", "--mount", "--uts", "--ipc", "--net", "--pid",
                "--root", "--wd", "env", "-i", "LANG=C.UTF-8",
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                *home, *env, *become, *words]

    def run(self, *words, check=True, text=None, user=None, env=(), timeout=COMMAND_S):
        """Runs a command to its end; `text` is its input. Raises Failed unless it ends with 0 or
        `check` is false."""
        done = subprocess.run(self.command(*words, user=user, env=env), input=text,
                              stdin=subprocess.DEVNULL if text is None else None,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
                              encoding="utf-8", errors="replace", check=False)
        result = Result(words, done.returncode, done.stdout, done.stderr)
        if check and result.code != 0:
            raise Failed(repr(result))
        return result

    def spawn(self, *words, user=None, env=(), **options):
        """Starts a command that goes on; returns the Popen. It ends with the machine."""
        return subprocess.Popen(self.command(*words, user=user, env=env),
                                **{"stdin": subprocess.DEVNULL, **options})

    def call(self, *words, service="p2pchat", **options):
        """`p2pchatctl --json` to the node, or to another service: what it answers."""
        return json.loads(self.run("p2pchatctl", f"--socket=/run/{service}/control.sock", "--json",
                                   *words, **options).out)

    def show(self, unit, *properties):
        """A property of a unit, or a dictionary of several."""
        out = self.run("systemctl", "show", "--property=" + ",".join(properties), unit).out
        found = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
        return found if len(properties) > 1 else found[properties[0]]

    def main_pid(self, unit):
        """Of a service, as the machine counts."""
        return int(self.show(unit, "MainPID"))

    def journal(self, *matches):
        """Entries of the journal, oldest first, as dictionaries: journal("-u", "p2pchatd")."""
        self.run("journalctl", "--sync", check=False)
        out = self.run("journalctl", "--no-pager", "--output=json", "--all", *matches).out
        return [json.loads(line) for line in out.splitlines()]

    def messages(self, *matches):
        """Only what they say, a line each."""
        return "\n".join(str(entry.get("MESSAGE")) for entry in self.journal(*matches))

    # --- The end ---

    def power_off(self):
        """As somebody who presses the button: units are stopped. Returns when it is off."""
        self.run("systemctl", "poweroff", check=False)
        self.keeper.wait(BOOT_S)

    def console(self):
        with open(self.console_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def last_words(self, lines=40):
        """Console and journal, for a test that failed."""
        said = self.console()
        if self.leader is not None and self.keeper.poll() is None:
            with contextlib.suppress(Exception):
                said += self.run("journalctl", "--no-pager", f"--lines={lines}", timeout=30).out
        return said

    def close(self):
        self.keeper.kill()  # what it started is killed with it
        self.keeper.wait()
        self.keeper.stdin.close()
        self.keeper.stdout.close()
        end = time.monotonic() + rig.DEADLINE_S
        for top in self.cgroups:
            while os.path.exists(top):  # processes take a moment to be gone
                with contextlib.suppress(OSError):
                    remove_cgroup(top)
                if time.monotonic() > end:
                    break
                time.sleep(0.01)


class Test(rig.Test):
    """A test that has machines, each with a console and a journal that are shown when it fails."""

    def setUp(self):
        super().setUp()
        self.machines = []

    def machine(self, nspawn=(), base=None):
        m = Machine(self.top, nspawn, base)
        self.machines.append(m)
        self.addCleanup(m.close)
        return m

    def last_words(self):
        if os.path.isdir(self.top):
            self.words = "".join(m.last_words() for m in self.machines)
        return self.words


def main():
    why = why_not()
    if why:
        print(f"1..0 # SKIP {why}")
    else:
        rig.main()
