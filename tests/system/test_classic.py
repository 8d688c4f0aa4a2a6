"""A node of ours and peers that run the original program: everything that they can say, both ways."""

import json
import socket
import time

import dialect
import original
import rig

SENT_S = 3   # after which a message counts as sent to who does not close
READS_LATE_S = 2


class Requests(dialect.Dialect):
    def test_they_ask_and_we_accept(self):
        for kind in ("CHAT_REQUEST", "REQUEST"):
            with self.subTest(kind):
                bob = self.node(f"bob-{kind}")
                alice = self.peer("alice", named="localhost")
                alice.request(*bob.classic, kind)
                asked = bob.events.event("chat.requested")
                self.assertEqual((asked["peer"], asked["name"], asked["direction"],
                                  asked["address"], asked["peer_id"], asked["classic"]),
                                 ("alice", "alice", "in", alice.at(), None, True))
                shown = bob.call("chat.requests")["requests"]
                self.assertEqual([(r["alias"], r["peer_id"], r["classic"]) for r in shown],
                                 [("alice", None, True)])
                self.assertEqual(bob.call("chat.connected")["peers"], [])
                bob.call("chat.accept", request="alice")
                self.assertEqual(alice.wait("CHAT_ACCEPT"),
                                 {"peername": bob.name, "host": bob.classic[0],
                                  "port": bob.classic[1]})
                self.assertEqual(bob.events.event("chat.accepted")["peer"], "alice")

    def test_they_ask_and_we_refuse(self):
        bob, alice = self.node("bob"), self.peer("alice")
        alice.request(*bob.classic)
        bob.events.event("chat.requested")
        bob.call("chat.refuse", request="alice")
        self.assertEqual(alice.wait("CHAT_REFUSE"), {})
        self.assertEqual(bob.events.event("chat.refused")["peer"], "alice")
        rig.wait_for(lambda: not bob.call("contact.list")["contacts"], "her to be forgotten")

    def test_we_ask_and_they_accept(self):
        bob, alice = self.node("bob"), self.peer("alice", named="localhost")
        sent = bob.call("chat.request", to=f"classic:{alice.at()}")
        self.assertEqual((sent["state"], sent["peer_id"]), ("sent", None))
        self.assertEqual(alice.wait("CHAT_REQUEST"),
                         {"peername": "bob", "host": bob.classic[0], "port": bob.classic[1]})
        alice.accept("bob")
        self.assertEqual(bob.events.event("chat.accepted")["request"], sent["request"])
        contact = bob.call("contact.list")["contacts"][0]
        self.assertEqual((contact["name"], contact["peer_id"], contact["consent"],
                          contact["classic"]), ("alice", None, "mutual", True))

    def test_answers_come_to_where_we_listen(self):
        """Also when the system would connect from another address."""
        peers = {"127.0.0.2": self.peer("alice"), "127.0.0.3": self.peer("carol", host="127.0.0.4")}
        for host, peer in peers.items():
            with self.subTest(host):
                bob = self.person(f"bob-{peer.name}", f"--classic-listen={host}:0")
                port = int(bob.call("status")["classic_listen"][0].rsplit(":", 1)[1])
                bob.call("chat.request", to=f"classic:{peer.at()}")
                asked = peer.wait("CHAT_REQUEST")
                self.assertEqual((asked["host"], asked["port"]), (host, port))
                self.assertEqual(peer.source, host)
                peer.accept(bob.name)
                rig.wait_for(lambda: bob.call("contact.list")["contacts"][0]["consent"] == "mutual",
                             "the answer")

    def test_we_wait_for_their_answer(self):
        bob, alice, carol = self.node("bob"), self.peer("alice"), self.peer("carol")
        asking = bob.client()
        first = asking.send("chat.request", to=f"classic:{alice.at()}", wait=True)
        alice.wait("CHAT_REQUEST")
        alice.accept("bob")
        self.assertEqual(asking.result(first)["state"], "accepted")
        second = asking.send("chat.request", to=f"classic:{carol.at()}", wait=True)
        carol.wait("CHAT_REQUEST")
        carol.refuse("bob")
        self.assertEqual(asking.result(second)["state"], "refused")

    def test_they_read_late(self):
        """Who is asked again meanwhile hears it again, and no connection has nothing on it."""
        bob, late = self.node("bob"), socket.create_server(("127.0.0.1", 0))
        self.addCleanup(late.close)
        asked = f"classic:127.0.0.1:{late.getsockname()[1]}"
        first = bob.call("chat.request", to=asked)
        again = bob.call("chat.request", to=asked)
        self.assertEqual(first["alias"], again["alias"])
        time.sleep(READS_LATE_S)
        objects = []
        for patience_s in (rig.DEADLINE_S, rig.DEADLINE_S, 1):
            late.settimeout(patience_s)
            try:
                carrier, _ = late.accept()
            except TimeoutError:
                break
            with carrier:
                carrier.settimeout(rig.DEADLINE_S)
                objects.append(carrier.recv(2048))
        self.assertEqual([json.loads(o)["msgtype"] for o in objects], ["CHAT_REQUEST"] * 2)

    def test_nobody_there(self):
        bob, gone = self.node("bob"), self.peer("gone")
        gone.close()
        self.assert_refused("unreachable", bob.call, "chat.request", to=f"classic:{gone.at()}")
        self.assertEqual(bob.call("chat.requests")["requests"], [])

    def test_ports_that_are_texts(self):
        bob, alice = self.node("bob"), self.peer("alice", port_is_text=True)
        self.assertEqual(self.meet(bob, alice), "alice")
        bob.call("chat.message", peer="alice", text="hi", wait=True)
        self.assertEqual(alice.wait("CHAT_MESSAGE")["message"], "hi")

    def test_host_that_they_do_not_come_from(self):
        """We would dial whomever anybody names."""
        bob = self.node("bob")
        victim = self.peer("victim", host="127.0.0.9")
        mallory, liar = self.peer("mallory", named="127.0.0.9"), self.peer("liar", named="invalid.")
        mallory.port = victim.port
        mallory.request(*bob.classic)
        liar.request(*bob.classic)
        alice = self.peer("alice")
        self.assertEqual(self.meet(bob, alice), "alice")
        self.assertEqual(bob.call("chat.requests")["requests"], [])
        self.assertEqual(victim.received, [])


class Conversation(dialect.Dialect):
    def setUp(self):
        super().setUp()
        self.bob, self.alice = self.node("bob"), self.peer("alice")
        self.meet(self.bob, self.alice)

    def test_messages_both_ways(self):
        shown = self.bob.call("chat.connected")["peers"][0]
        self.assertEqual((shown["alias"], shown["via"], shown["peer_id"], shown["verified"]),
                         ("alice", "classic", None, False))
        sent = self.bob.call("chat.message", peer="alice", text="Hello, alice.", wait=True)
        self.assertEqual(sent["state"], "sent")
        self.assertEqual(self.alice.wait("CHAT_MESSAGE"),
                         {"peername": "bob", "message": "Hello, alice."})
        self.alice.message("bob", "ünï©ode \U0001f600\nand more")
        came = self.bob.events.event("message.received")
        self.assertEqual((came["peer"], came["text"], came["peer_id"]),
                         ("alice", "ünï©ode \U0001f600\nand more", None))
        history = self.bob.call("history", peer="alice")["messages"]
        self.assertEqual([(m["direction"], m["state"]) for m in history],
                         [("out", "sent"), ("in", "received")])

    def test_many_in_order(self):
        texts = [f"message {number}" for number in range(100)]
        for text in texts:
            self.bob.call("chat.message", peer="alice", text=text)
        rig.wait_for(lambda: self.alice.count("CHAT_MESSAGE") == len(texts), "all of them")
        self.assertEqual([text for _, text in self.alice.texts], texts)
        for text in texts:
            self.alice.message("bob", text)
        for text in texts:
            self.assertEqual(self.bob.events.event("message.received")["text"], text)

    def test_disconnect_both_ways(self):
        self.alice.disconnect("bob")
        self.assertEqual(self.bob.events.event("chat.disconnected")["by"], "them")
        self.assert_refused("not_connected", self.bob.call, "chat.message", peer="alice",
                            text="hi")
        self.meet(self.bob, self.alice)
        self.bob.call("chat.disconnect", peer="alice")
        self.assertEqual(self.alice.wait("DISCONNECT"), {"peername": "bob"})
        self.assertEqual(self.bob.events.event("chat.disconnected")["by"], "us")
        self.alice.connected["bob"] = self.bob.classic
        self.alice.message("bob", "are you there?")
        self.meet(self.bob, self.alice)
        self.assertEqual(self.bob.call("history", peer="alice")["messages"], [])

    def test_conversation_survives_a_restart(self):
        self.assertEqual(self.bob.end(), 0)
        self.bob.events = self.bob.start()
        self.bob.events.call("events.subscribe")
        sent = self.bob.call("chat.message", peer="alice", text="back", wait=True)
        self.assertEqual(sent["state"], "sent")
        self.alice.message("bob", "welcome")
        self.assertEqual(self.bob.events.event("message.received")["text"], "welcome")

    def test_message_to_who_is_away(self):
        port = self.alice.port
        self.alice.close()
        queued = self.bob.call("chat.message", peer="alice", text="later")
        self.assertEqual(queued["state"], "queued")
        back = self.peer("alice", port=port)
        back.connected["bob"] = self.bob.classic
        self.assertEqual(back.wait("CHAT_MESSAGE")["message"], "later")

    def test_message_to_who_does_not_close(self):
        self.alice.manners = "stalls"
        start = time.monotonic()
        sent = self.bob.call("chat.message", peer="alice", text="hello?", wait=True,
                             wait_s=rig.DEADLINE_S)
        self.assertEqual(sent["state"], "sent")
        self.assertGreater(time.monotonic() - start, SENT_S - 1)

    def test_files_are_not_taken(self):
        self.alice.send(self.bob.classic, "FILE_TRANSFER", peername="alice", filename="a",
                        filenum=1, curnum=0, filedata="x")
        self.alice.message("bob", "did you get it?")
        first = self.bob.events.event("message.received")
        self.assertEqual(first["text"], "did you get it?")


class LongTexts(dialect.Dialect):
    TEXT = "".join(chr(0x61 + n % 26) + "é☃\U0001f600\"\\" for n in range(800))

    def test_split_at_characters(self):
        bob, alice = self.node("bob"), self.peer("alice")
        self.meet(bob, alice)
        sent = bob.call("chat.message", peer="alice", text=self.TEXT, wait=True,
                        wait_s=rig.DEADLINE_S)
        self.assertEqual(sent["state"], "sent")
        rig.wait_for(lambda: "".join(text for _, text in alice.texts) == self.TEXT, "all of it")
        self.assertGreater(len(alice.texts), 4)
        self.assertEqual(alice.count(None), 0)
        self.assertEqual([m["text"] for m in bob.call("history", peer="alice")["messages"]],
                         [self.TEXT])

    def test_refused(self):
        config = self.write("bob.conf", "[Classic]\nLongText=refuse\n")
        bob, alice = self.node("bob", f"--config={config}"), self.peer("alice")
        self.meet(bob, alice)
        self.assert_refused("too_long", bob.call, "chat.message", peer="alice", text=self.TEXT)
        around = len(original.encode("CHAT_MESSAGE", {"peername": "bob", "message": ""}))
        longest = "x" * (original.BUFFER - around)
        bob.call("chat.message", peer="alice", text=longest, wait=True)
        self.assertEqual(alice.wait("CHAT_MESSAGE")["message"], longest)
        self.assert_refused("too_long", bob.call, "chat.message", peer="alice",
                            text=longest + "x" * around)


class NotAsked(dialect.Dialect):
    """What no request of ours asked for, or what somebody else says, changes nothing."""

    def everything(self, peer, node):
        peer.send(node.classic, "CHAT_ACCEPT", **peer.card())
        peer.send(node.classic, "CHAT_REFUSE")
        peer.send(node.classic, "CHAT_MESSAGE", peername=peer.name, message="let me in")
        peer.send(node.classic, "DISCONNECT", peername=peer.name)

    def settle(self, node):
        """Whatever was said before has been heard once somebody else's request is shown."""
        self.meet(node, self.peer("zoe", host="127.0.0.77"))

    def test_answers_to_nothing(self):
        bob = self.node("bob")
        self.everything(self.peer("mallory"), bob)
        self.settle(bob)
        self.assertEqual([c["name"] for c in bob.call("contact.list")["contacts"]], ["zoe"])
        self.assertEqual(bob.call("history")["messages"], [])

    def test_somebody_else_in_her_name(self):
        """The name is anybody's to say; the address is not."""
        bob, alice = self.node("bob"), self.peer("alice")
        self.meet(bob, alice)
        self.everything(self.peer("alice", host="127.0.0.9"), bob)
        self.everything(self.peer("mallory"), bob)
        self.settle(bob)
        contacts = {c["alias"]: c["consent"] for c in bob.call("contact.list")["contacts"]}
        self.assertEqual(contacts, {"alice": "mutual", "zoe": "mutual"})
        self.assertEqual(bob.call("history")["messages"], [])
        alice.message("bob", "still here")
        self.assertEqual(bob.events.event("message.received")["text"], "still here")

    def test_open_request_of_ours(self):
        bob, alice = self.node("bob"), self.peer("alice")
        bob.call("chat.request", to=f"classic:{alice.at()}")
        alice.wait("CHAT_REQUEST")
        self.everything(self.peer("alice", host="127.0.0.9"), bob)
        other = self.peer("alice")  # on the same host, where she does not listen
        other.send(bob.classic, "CHAT_ACCEPT", **other.card())
        self.settle(bob)
        pending = bob.call("chat.requests")["requests"]
        self.assertEqual([r["direction"] for r in pending], ["out"])
        alice.accept("bob")
        bob.events.event("chat.accepted")

    def test_contacts_with_a_key(self):
        """A classic alice is another alice, whatever she says."""
        bob, alice = self.node("bob"), self.person("alice")
        self.befriend(alice, bob)
        before = [c for c in bob.call("contact.list")["contacts"] if c["alias"] == "alice"]
        classic = self.peer("alice")
        self.everything(classic, bob)
        self.assertEqual(self.meet(bob, classic), "alice-2")
        self.everything(classic, bob)
        self.settle(bob)
        after = [c for c in bob.call("contact.list")["contacts"] if c["alias"] == "alice"]
        self.assertEqual(after, before)
        sent = bob.call("chat.message", peer="alice", text="you, with the key", wait=True)
        self.assertEqual(sent["state"], "delivered")
        self.assertNotIn("you, with the key", json.dumps(classic.received))


if __name__ == "__main__":
    rig.main()
