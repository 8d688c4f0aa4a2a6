"""The units under a real systemd: p2pchatd(8), As a service, and p2pchat-tracker(7)."""

import os
import re
import shutil

import machine
import rig

HERE = os.path.dirname(os.path.abspath(__file__))
EXPOSURE_MAX = 11  # tenths
TRACKER = "tracker.example.org"
BOB_PORT = 28480
TRIGGER_LIMIT = {"TriggerLimitBurst": "15", "TriggerLimitIntervalUSec": "10s"}  # of all sockets

# A second node of the machine, as an administrator may copy it, with a user that is there only while
# it runs.
BOB_SERVICE = """
[Unit]
Requires=bob.socket
After=bob.socket

[Service]
ExecStart=
ExecStart={sbin}/p2pchatd --name=bob --listen=[::]:{port}
ExecReload=
User=bob
Group=bob
DynamicUser=yes
StateDirectory=
StateDirectory=bob
Environment=CONFIGURATION_DIRECTORY=/etc/bob
"""
BOB_SOCKET = """
[Socket]
ListenStream=
ListenStream=/run/bob/control.sock
"""

# Ends as with a disk that is full, until there is room.
FULL_DISK = """
[Service]
ExecStartPre=sh -c "test -e /run/room || exit 74"
"""

# As in p2pchatd(8).
HI = """
[Unit]
Wants=p2pchatd.service
After=p2pchatd.service

[Service]
Type=oneshot
DynamicUser=yes
SupplementaryGroups=p2pchat
ExecStart=p2pchatctl chat message alice hi
"""
ON_ANOTHER_DISK = """
[Service]
BindPaths=/srv/p2pchat:/var/lib/p2pchat
LimitNOFILE=65536
"""


def installed(m, name):
    """Where `make install` put a unit."""
    return m.show(name, "FragmentPath")


class Services(machine.Test):
    def booted(self):
        return self.machine().boot()

    def assert_active(self, m, unit):
        self.assertEqual(m.show(unit, "ActiveState"), "active", m.run("systemctl", "status", unit,
                                                                      check=False).out)

    def wait_until_active(self, m, unit):
        rig.wait_for(lambda: m.show(unit, "ActiveState") == "active", f"{unit} to be active")

    def user(self, m, name, *groups):
        """A user of the machine, in these groups."""
        m.run("useradd", "--create-home", "--user-group", "--shell=/bin/sh",
              *(f"--groups={group}" for group in groups), name)

    def node_beside(self, m, port=BOB_PORT):
        """bob: the node's unit under other names."""
        service = installed(m, "p2pchatd.service")
        socket = installed(m, "p2pchatd.socket")
        sbin = os.path.dirname(m.show("p2pchatd.service", "ExecStart").split("path=")[1].split()[0])
        for name, path in (("bob.service", service), ("bob.socket", socket)):
            text = m.read(path).replace("p2pchatd.socket", "bob.socket")
            m.write(f"/etc/systemd/system/{name}", text)
        m.drop_in("bob.socket", BOB_SOCKET)
        m.drop_in("bob.service", BOB_SERVICE.format(sbin=sbin, port=port))
        m.run("systemctl", "start", "bob.service")

    def befriend(self, m, to):
        """The machine's node asks bob for a chat, who is reached at `to`."""
        m.call("chat", "request", to)
        request = m.run("p2pchatctl", "--socket=/run/bob/control.sock", "watch", "--since=0",
                        "--type=chat.requested", "--count=1")
        self.assertIn("p2pchat@", request.out)
        m.call("chat", "accept", m.call("whoami")["peer_id"], service="bob")
        m.run("p2pchatctl", "watch", "--since=0", "--type=chat.accepted", "--count=1")

    def name_server(self, m, names):
        """Names that the machine knows, as {name: addresses}."""
        for file in ("rig.py", "inside.py"):
            m.write(f"/opt/names/{file}", "")
            shutil.copy(os.path.join(HERE, "..", "system", file), m.path(f"/opt/names/{file}"))
        table = {(name, kind): [address for address in addresses if (":" in address) == (kind == 28)]
                 for name, addresses in names.items() for kind in (1, 28)}
        m.write("/etc/resolv.conf", "nameserver 127.0.0.1\n")
        server = m.spawn("python3", "-B", "-c",
                         "import sys; sys.path.insert(0, '/opt/names'); import inside\n"
                         f"server = inside.NameServer(); server.names = {table!r}; print('bound')\n"
                         "sys.stdout.flush(); server.run()", stdout=machine.subprocess.PIPE)
        self.addCleanup(server.wait)
        self.addCleanup(server.stdout.close)
        self.addCleanup(m.close)
        self.assertEqual(server.stdout.readline(), b"bound\n")


class Installed(Services):
    def test_enabled_as_the_preset_says(self):
        m = self.booted()
        self.assertEqual(m.run("systemctl", "is-system-running").out, "running\n")
        self.assert_active(m, "p2pchatd.service")
        self.assertEqual(m.call("status")["role"], "node")
        for unit in machine.UNITS:
            enabled = unit in ("p2pchatd.service", "p2pchatd.socket")
            self.assertEqual(m.show(unit, "UnitFileState"), "enabled" if enabled else "disabled")
        self.assertEqual(m.show("p2pchat-tracker.service", "ActiveState"), "inactive")

    def test_verified_without_a_word(self):
        m = self.booted()
        paths = [installed(m, unit) for unit in machine.UNITS]
        self.assertTrue(all(paths))
        said = m.run("systemd-analyze", "verify", *paths)
        self.assertEqual(said.out + said.err, "")
        below = os.path.join(os.path.dirname(os.path.dirname(paths[0])), "user")
        for unit in ("p2pchatd.service", "p2pchatd.socket"):
            said = m.run("systemd-analyze", "--user", "verify", f"{below}/{unit}",
                         env=("XDG_RUNTIME_DIR=/run",))
            self.assertEqual(said.out + said.err, "")

    def test_examples(self):
        """Each key of the examples, taken at its word."""
        m = self.booted()
        m.run("systemctl", "start", "p2pchat-tracker.service")
        top = os.environ["top_srcdir"]
        for example, folder, service, name in (
                ("p2pchatd.conf", "p2pchat", "p2pchatd", "build-server"),
                ("tracker.conf", "p2pchat-tracker", "p2pchat-tracker", "friends")):
            with open(f"{top}/systemd/examples/{example}", encoding="utf-8") as file:
                text = file.read()
            for content, called in ((text, f"{folder}@"), (re.sub(r"(?m)^#(?=\w+=)", "", text), name)):
                m.write(f"/etc/{folder}/{example}", content)
                m.run("systemctl", "restart", f"{service}.service")
                self.assertTrue(m.call("status", service=folder)["name"].startswith(called))

    def test_completion_is_found(self):
        """By shells that are set up as Debian does, and by nobody else."""
        m = self.booted()
        said = m.run("zsh", "-f", "-c", "autoload -Uz compinit; compinit -D; print $_comps[p2pchatctl]")
        self.assertEqual((said.out, said.err), ("_p2pchatctl\n", ""))
        said = m.run("fish", "-c", "complete -C 'p2pchatctl chat mess'")
        self.assertTrue(said.out.startswith("message\t"), said)
        said = m.run("bash", "-c", ". /usr/share/bash-completion/bash_completion; "
                     "_completion_loader p2pchatctl; complete -p p2pchatctl", check=False)
        self.assertEqual(said.out, "complete -F _p2pchatctl p2pchatctl\n", said)

    def test_exposure(self):
        m = self.booted()
        for unit in ("p2pchatd.service", "p2pchat-tracker.service"):
            said = m.run("systemd-analyze", "security", "--no-pager", "--offline=true",
                         f"--threshold={EXPOSURE_MAX}", installed(m, unit), check=False)
            self.assertEqual(said.code, 0, said)
            self.assertEqual(said.err, "")


class Life(Services):
    def test_first_client_starts_it(self):
        m = self.booted()
        m.run("systemctl", "stop", "p2pchatd.service")
        self.assertEqual(m.show("p2pchatd.service", "ActiveState"), "inactive")
        before = os.stat(m.path("/run/p2pchat/control.sock")).st_ino
        self.assertEqual(m.call("status")["role"], "node")
        self.assert_active(m, "p2pchatd.service")
        # Nor does a second one, of the tracker, which nobody had enabled before.
        m.run("systemctl", "enable", "--now", "p2pchat-tracker.socket")
        self.assertEqual(m.show("p2pchat-tracker.service", "ActiveState"), "inactive")
        self.assertEqual(m.call("status", service="p2pchat-tracker")["role"], "tracker")
        self.assert_active(m, "p2pchat-tracker.service")
        self.assertEqual(os.stat(m.path("/run/p2pchat/control.sock")).st_ino, before)

    def test_ready_is_true(self):
        """Whoever is ordered after it finds it listening and the log open."""
        m = self.booted()
        for _ in range(5):
            m.run("systemctl", "restart", "p2pchatd.service")
            self.assertIn(f":{28470:04X} ", m.run("cat", "/proc/net/tcp", "/proc/net/tcp6").out)
            self.assertEqual(m.call("status")["log"]["state"], "ok")

    def test_crash(self):
        m = self.booted()
        before = m.main_pid("p2pchatd.service")
        m.run("kill", "-SEGV", str(before))
        rig.wait_for(lambda: m.main_pid("p2pchatd.service") not in (0, before), "another process")
        self.wait_until_active(m, "p2pchatd.service")
        self.assertEqual(m.show("p2pchatd.service", "NRestarts"), "1")
        self.assertEqual(m.call("status")["log"]["state"], "ok")

    def test_end(self):
        m = self.booted()
        self.assertIn("the next who connects starts it again", m.run("p2pchatctl", "shutdown").out)
        rig.wait_for(lambda: m.show("p2pchatd.service", "ActiveState") == "inactive", "the end")
        self.assertEqual(m.show("p2pchatd.service", "Result", "ExecMainStatus", "NRestarts"),
                         {"Result": "success", "ExecMainStatus": "0", "NRestarts": "0"})
        self.assertTrue(os.path.exists(m.path("/run/p2pchat/control.sock")))
        m.run("systemctl", "stop", "p2pchatd.socket")
        m.run("systemctl", "start", "p2pchatd.service")  # brings its socket along
        self.assertEqual(m.call("status")["role"], "node")
        m.power_off()

    def test_mistake_in_the_configuration(self):
        """It is not tried again and again, and when the mistake is gone all is well."""
        m = self.booted()
        m.write("/etc/p2pchat/p2pchatd.conf", "[Node]\nNmae=x\n")
        self.assertNotEqual(m.run("systemctl", "restart", "p2pchatd.service", check=False).code, 0)
        self.assertEqual(m.show("p2pchatd.service", "ExecMainStatus", "NRestarts"),
                         {"ExecMainStatus": "78", "NRestarts": "0"})
        self.assertIn("/etc/p2pchat/p2pchatd.conf:2", m.messages("-u", "p2pchatd.service"))
        self.assertIn(m.run("p2pchatctl", "status", check=False).code, (1, 3))
        m.write("/etc/p2pchat/p2pchatd.conf", "[Node]\nName=x\n")
        m.run("systemctl", "start", "p2pchatd.service")
        self.assertEqual(m.call("status")["name"], "x")

    def starts(self, m, unit):
        return m.messages("-u", unit).count("Starting ")

    def test_strangers_do_not_start_what_cannot_run(self):
        """Who waits at a port has it tried a few times, not for ever; the administrator's next start
        opens the port again."""
        m = self.booted()
        for service, folder, file in (("p2pchatd", "p2pchat", "p2pchatd.conf"),
                                      ("p2pchat-tracker", "p2pchat-tracker", "tracker.conf")):
            with self.subTest(service):
                for socket in (f"{service}-peer.socket", f"{service}.socket"):
                    self.assertEqual(m.show(socket, *TRIGGER_LIMIT), TRIGGER_LIMIT)
                # A slow machine does not start it so often in so short a time.
                m.drop_in(f"{service}-peer.socket", "[Socket]\nTriggerLimitIntervalSec=1h\n")
                m.run("systemctl", "enable", f"{service}-peer.socket")
                m.run("systemctl", "restart", service)
                m.run("systemctl", "stop", service)
                m.write(f"/etc/{folder}/{file}", "Bogus=1\n")
                before = self.starts(m, service)
                stranger = m.spawn("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/443; read -u 3; sleep inf",
                                   stderr=machine.subprocess.DEVNULL)
                rig.wait_for(lambda: m.show(f"{service}-peer.socket", "Result") == "trigger-limit-hit",
                             "the port to be closed")
                stranger.kill()
                stranger.wait()
                self.assertLessEqual(self.starts(m, service) - before,
                                     int(TRIGGER_LIMIT["TriggerLimitBurst"]))
                os.unlink(m.path(f"/etc/{folder}/{file}"))
                m.run("systemctl", "start", service)
                self.assertEqual(m.call("status", service=folder)["listen"], ["[::]:443"])
                m.run("systemctl", "disable", "--now", f"{service}-peer.socket")
                m.run("systemctl", "stop", service)

    def test_who_waits_for_what_fails_is_served_in_the_end(self):
        """It is tried each second, as long as it takes, and its socket stays open meanwhile."""
        m = self.booted()
        m.run("systemctl", "stop", "p2pchatd.service")
        m.drop_in("p2pchatd.service", FULL_DISK)
        client = m.spawn("p2pchatctl", "status", stdout=machine.subprocess.PIPE)
        self.addCleanup(client.stdout.close)
        rig.wait_for(lambda: int(m.show("p2pchatd.service", "NRestarts")) > 10,
                     "it to fail again and again")
        self.assert_active(m, "p2pchatd.socket")
        m.write("/run/room", "")
        self.assertIn(b"role        node\n", client.stdout.read())
        self.assertEqual(client.wait(), 0)


class PeerSocket(Services):
    """Port 443, which no service of ours may open itself."""

    def test_enabled_beside_a_running_service(self):
        m = self.booted()
        self.assertEqual(m.call("status")["listen"], ["[::]:28470"])
        for service in ("p2pchatd", "p2pchat-tracker"):
            folder = service.removesuffix("d")
            m.run("systemctl", "enable", f"{service}-peer.socket")
            m.run("systemctl", "restart", f"{service}.service")
            self.assertEqual(m.call("status", service=folder)["listen"], ["[::]:443"])
            m.run("systemctl", "disable", "--now", f"{service}-peer.socket")
            self.assertEqual(m.show(f"{service}-peer.socket", "ActiveState"), "inactive")
            m.run("systemctl", "stop", f"{service}.service")

    def test_after_the_next_boot_on_another_port(self):
        """What is listened on is the socket's; a drop-in changes it, to an address that comes later."""
        m = self.machine()
        m.in_its_files("systemctl", f"--root={m.place}/root", "enable", "p2pchatd-peer.socket")
        m.drop_in("p2pchatd-peer.socket", "[Socket]\nListenStream=\nListenStream=192.0.2.9:853\n")
        m.write("/etc/p2pchat/p2pchatd.conf", "[Node]\nListen=127.0.0.1:28999\n")
        m.boot()
        self.assertEqual(m.call("status")["listen"], ["192.0.2.9:853"])
        m.run("ip", "address", "add", "192.0.2.9/32", "dev", "lo")
        self.node_beside(m)
        m.run("p2pchatctl", "--socket=/run/bob/control.sock", "chat", "request", "192.0.2.9", "853")
        self.assertEqual(m.call("chat", "requests")["requests"][0]["name"], "bob")

    def test_first_peer_starts_it(self):
        m = self.booted()
        m.run("systemctl", "enable", "p2pchatd-peer.socket")
        m.run("systemctl", "restart", "p2pchatd.service")
        m.run("systemctl", "stop", "p2pchatd.service")
        self.node_beside(m)
        m.run("p2pchatctl", "--socket=/run/bob/control.sock", "chat", "request", "127.0.0.1", "443")
        self.assert_active(m, "p2pchatd.service")


class Sandbox(Services):
    """A system call that the units do not allow ends the process here, so that none is refused that
    nobody misses."""

    def booted(self):
        m = self.machine()
        for unit in ("p2pchatd.service", "p2pchat-tracker.service", "bob.service"):
            m.drop_in(unit, "[Service]\nSystemCallErrorNumber=kill\n", name="kill")
        return m.boot()

    def test_what_is_asked_of_it(self):
        m = self.booted()
        m.run("systemctl", "start", "p2pchat-tracker.service")
        for service, folder in (("p2pchatd", "p2pchat"), ("p2pchat-tracker",) * 2):
            before = m.main_pid(f"{service}.service")
            for command in (("doctor",), ("metrics",), ("status",)):
                m.run("p2pchatctl", f"--socket=/run/{folder}/control.sock", *command)
            m.run("systemctl", "reload", f"{service}.service")
            self.assertEqual(m.main_pid(f"{service}.service"), before)
            with open(m.path(f"/proc/{before}/status"), encoding="ascii") as file:
                threads = int(re.search(r"Threads:\t(\d+)", file.read()).group(1))
            self.assertLess(threads, int(m.show(f"{service}.service", "TasksMax")))
            m.run("systemctl", "stop", f"{service}.service")
            self.assertEqual(m.show(f"{service}.service", "Result"), "success")

    def test_peers_over_both_protocols_and_by_name(self):
        m = self.booted()
        m.run("ip", "address", "add", "192.0.2.7/32", "dev", "lo")
        m.run("ip", "address", "add", "2001:db8::7/128", "dev", "lo")
        self.name_server(m, {TRACKER: ["127.0.0.1", "::1"], "bob4.example.org": ["192.0.2.7"],
                             "bob6.example.org": ["2001:db8::7"]})
        self.node_beside(m)
        for to in (f"192.0.2.7:{BOB_PORT}", f"[2001:db8::7]:{BOB_PORT}",
                   f"bob4.example.org:{BOB_PORT}", f"bob6.example.org:{BOB_PORT}"):
            with self.subTest(to):
                self.befriend(m, to)
                m.run("p2pchatctl", "chat", "message", "--wait", "bob", "Hello, bob.")
                m.call("contact", "remove", "bob")
                m.call("contact", "remove", m.call("whoami")["peer_id"], service="bob")
        # What the interfaces have is told to a tracker.
        m.run("systemctl", "start", "p2pchat-tracker.service")
        m.run("systemctl", "restart", "p2pchatd.service")  # or half a minute later
        m.run("p2pchatctl", "register", f"--tracker={TRACKER}:28471")
        peers = m.call("listpeer", service="p2pchat-tracker")["peers"]
        self.assertIn("192.0.2.7:28470", peers[0]["addresses"])
        self.assertIn("[2001:db8::7]:28470", peers[0]["addresses"])

    def test_only_its_own_directory(self):
        m = self.booted()
        state = os.stat(m.path("/var/lib/p2pchat"))
        uid = int(m.run("id", "--user", "p2pchat").out)
        self.assertEqual((state.st_mode & 0o777, state.st_uid), (0o700, uid))
        socket = os.stat(m.path("/run/p2pchat/control.sock"))
        gid = int(m.run("id", "--group", "p2pchat").out)
        self.assertEqual((socket.st_mode & 0o777, socket.st_uid, socket.st_gid), (0o660, 0, gid))
        pid = m.run("pgrep", "-x", "p2pchatd").out.strip()
        with open(m.path(f"/proc/{pid}/status"), encoding="utf-8") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
        self.assertEqual(status["Uid"].split(), [str(uid)] * 4)
        for kind in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[kind], 16), 0)
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        # Its files, as even root finds them there.
        there = ("nsenter", f"--target={pid}", "--mount")
        m.run(*there, "touch", "/var/lib/p2pchat/mine")
        for place in ("/usr", "/etc", "/etc/p2pchat", "/var/lib", "/run", "/run/lock", "/dev/shm"):
            said = m.run(*there, "touch", f"{place}/mine", check=False)
            self.assertIn("Read-only file system", said.err, place)
        self.user(m, "carol")
        self.assertTrue(os.path.exists(m.path("/run/dbus/system_bus_socket")))
        for place in ("/home", "/root", "/run/dbus"):
            self.assertEqual(m.run(*there, "ls", "-A", place, check=False).out, "")

    def test_a_user_that_is_there_only_while_it_runs(self):
        m = self.booted()
        self.node_beside(m)
        self.assertEqual(m.call("status", service="bob")["name"], "bob")
        self.assertTrue(os.path.exists(m.path("/var/lib/private/bob/identity.key")))
        before = m.call("whoami", service="bob")["peer_id"]
        m.run("systemctl", "restart", "bob.service")
        self.assertEqual(m.call("whoami", service="bob")["peer_id"], before)

    def test_reload_and_members_with_such_a_user(self):
        """As p2pchatd(8) says it, also where the group went with the user."""
        m = self.booted()
        self.user(m, "member", "p2pchat")
        for service, folder in (("p2pchatd", "p2pchat"), ("p2pchat-tracker",) * 2):
            for extra in ("", "Group=\n"):
                m.drop_in(f"{service}.service", f"[Service]\nDynamicUser=yes\nUser=p2pdyn\n{extra}")
                m.run("systemctl", "restart", f"{service}.service")
                m.run("systemctl", "reload", f"{service}.service")
                m.call("status", service=folder, user="member")
                m.run("systemctl", "stop", f"{service}.service")

    def test_configuration_is_of_root(self):
        """Nobody else could change it, whoever the service runs as, and whether it was there or not."""
        m = self.booted()
        for service, folder in (("p2pchatd", "p2pchat"), ("p2pchat-tracker",) * 2):
            found = os.stat(m.path(f"/etc/{folder}"))
            self.assertEqual((found.st_mode & 0o7777, found.st_uid, found.st_gid), (0o755, 0, 0))
            os.rmdir(m.path(f"/etc/{folder}"))
            for extra in ("", "DynamicUser=yes\nUser=p2pdyn\n"):
                m.drop_in(f"{service}.service", f"[Service]\n{extra}")
                m.run("systemctl", "restart", f"{service}.service")
                self.assertFalse(os.path.exists(m.path(f"/etc/{folder}")))

    def test_dynamic_user_of_the_same_name(self):
        m = self.booted()
        before = m.call("whoami")["peer_id"]
        m.drop_in("p2pchatd.service", "[Service]\nDynamicUser=yes\n")
        m.run("systemctl", "restart", "p2pchatd.service")
        self.assertEqual(m.call("whoami")["peer_id"], before)

    def test_state_on_another_disk(self):
        m = self.booted()
        m.run("install", "--directory", "--owner=p2pchat", "--group=p2pchat", "--mode=0700",
              "/srv/p2pchat")
        before = m.call("whoami")["peer_id"]
        m.drop_in("p2pchatd.service", ON_ANOTHER_DISK)
        m.run("systemctl", "restart", "p2pchatd.service")
        self.assertNotEqual(m.call("whoami")["peer_id"], before)
        self.assertTrue(os.path.exists(m.path("/srv/p2pchat/identity.key")))

    def test_identity_as_a_credential(self):
        """From where systemd looks for it: no unit is changed."""
        m = self.booted()
        before = m.call("whoami")["peer_id"]
        m.run("systemctl", "stop", "p2pchatd.service")
        m.write("/etc/credstore/p2pchat.identity", m.read("/var/lib/p2pchat/identity.key"), 0o600)
        m.run("rm", "-r", "/var/lib/p2pchat")
        m.run("systemctl", "start", "p2pchatd.service")
        self.assertEqual(m.call("whoami")["peer_id"], before)
        self.assertFalse(os.path.exists(m.path("/var/lib/p2pchat/identity.key")))

    def test_identity_that_is_encrypted(self):
        m = self.booted()
        before = m.call("whoami")["peer_id"]
        m.run("systemctl", "stop", "p2pchatd.service")
        m.run("mkdir", "-p", "/etc/credstore.encrypted")
        m.run("systemd-creds", "--with-key=host", "encrypt", "--name=p2pchat.identity",
              "/var/lib/p2pchat/identity.key", "/etc/credstore.encrypted/p2pchat.identity")
        m.run("rm", "-r", "/var/lib/p2pchat")
        m.drop_in("p2pchatd.service", "[Service]\nLoadCredentialEncrypted=p2pchat.identity\n")
        m.run("systemctl", "start", "p2pchatd.service")
        self.assertEqual(m.call("whoami")["peer_id"], before)

    def test_who_may(self):
        m = self.booted()
        self.user(m, "member", "p2pchat")
        self.user(m, "stranger")
        self.assertEqual(m.call("status", user="member")["role"], "node")
        refused = m.run("p2pchatctl", "shutdown", user="member", check=False)
        self.assertEqual(refused.code, 1, refused)
        refused = m.run("p2pchatctl", "status", user="stranger", check=False)
        self.assertEqual(refused.code, 3, refused)
        self.assert_active(m, "p2pchatd.service")

    def test_another_unit_says_hi(self):
        m = self.booted()
        self.node_beside(m)
        self.befriend(m, f"127.0.0.1:{BOB_PORT}")
        m.call("contact", "rename", "bob", "alice")
        m.unit("hi.service", HI)
        m.run("systemctl", "start", "hi.service")
        said = m.run("p2pchatctl", "--socket=/run/bob/control.sock", "watch", "--since=0",
                     "--type=message.received", "--count=1").out
        self.assertTrue(said.endswith(": hi\n"), said)


class OfUsers(Services):
    def systemctl(self, m, user, *words):
        uid = m.run("id", "--user", user).out.strip()
        return m.run("systemctl", "--user", *words, user=user,
                     env=(f"XDG_RUNTIME_DIR=/run/user/{uid}",))

    def of_the_readme(self):
        """What README.md has people type."""
        with open(f"{os.environ['top_srcdir']}/README.md", encoding="utf-8") as file:
            lines = re.search(r"\nWithout root(?s:.*?)\n\n((?:    .*\n)+)", file.read()).group(1)
        self.assertIn("systemctl --user", lines)
        return lines

    def test_node_of_a_user_who_is_away(self):
        m = self.booted()
        self.user(m, "carol")
        m.run("loginctl", "enable-linger", "carol")
        uid = m.run("id", "--user", "carol").out.strip()
        self.wait_until_active(m, f"user@{uid}.service")
        runtime = f"XDG_RUNTIME_DIR=/run/user/{uid}"
        m.run("sh", "-ec", self.of_the_readme(), user="carol", env=(runtime,))
        status = m.run("p2pchatctl", "--json", "status", user="carol", env=(runtime,)).out
        self.assertIn('"name":"carol@', status)
        for file in ("/home/carol/.local/state/p2pchat/identity.key",
                     f"/run/user/{uid}/p2pchat/control.sock"):
            self.assertEqual(os.stat(m.path(file)).st_mode & 0o777, 0o600)
        pid = self.systemctl(m, "carol", "show", "--property=MainPID", "p2pchatd.service").out.strip()
        self.assertIn("\nSeccomp:\t2\n", m.run("cat", f"/proc/{pid.split('=')[1]}/status").out)
        # The first client starts it, as that of the machine.
        self.systemctl(m, "carol", "stop", "p2pchatd.service")
        m.run("p2pchatctl", "status", user="carol", env=(runtime,))
        # Who has no node of one's own any more talks to that of the machine.
        m.run("usermod", "--append", "--groups=p2pchat", "carol")
        self.systemctl(m, "carol", "disable", "--now", "p2pchatd.service", "p2pchatd.socket")
        status = m.run("p2pchatctl", "--json", "status", user="carol", env=(runtime,)).out
        self.assertIn('"name":"p2pchat@', status)


if __name__ == "__main__":
    machine.main()
