"""Two people on two daemons: they ask, accept or refuse, talk, restart, part."""

import shutil
import signal
import subprocess

import rig


class Consent(rig.People):
    def test_first_conversation(self):
        alice = self.person("alice")
        bob = self.person("bob")
        bobs = bob.client()
        bobs.call("events.subscribe")
        sent = alice.call("chat.request", to=bob.address(), greeting="it is me")
        self.assertEqual((sent["state"], sent["alias"], sent["source"]),
                         ("sent", "bob", "address"))
        asked = bobs.event("chat.requested")
        self.assertEqual((asked["peer"], asked["name"], asked["greeting"], asked["direction"]),
                         ("alice", "alice", "it is me", "in"))
        self.assertEqual(bob.call("chat.requests")["requests"][0]["request"], asked["request"])
        accepted = bob.call("chat.accept", request="alice")
        self.assertEqual(accepted["request"], asked["request"])
        bobs.event("chat.accepted")

        first = alice.call("chat.message", peer="bob", text="hello, bob", wait=True, wait_s=20)
        self.assertEqual(first["state"], "delivered")
        received = bobs.event("message.received")
        self.assertEqual((received["text"], received["id"]), ("hello, bob", first["id"]))
        back = bob.call("chat.message", peer="alice", text="two\nlines\tand more", wait=True)
        self.assertEqual(back["state"], "delivered")
        history = alice.call("history")["messages"]
        self.assertEqual([(m["direction"], m["text"], m["state"]) for m in history],
                         [("out", "hello, bob", "delivered"),
                          ("in", "two\nlines\tand more", "received")])

    def test_refusal(self):
        alice, bob = self.person("alice"), self.person("bob")
        asking = alice.client()
        number = asking.send("chat.request", to=bob.address(), wait=True)
        rig.wait_for(lambda: bob.call("chat.requests")["requests"], "the request")
        bob.call("chat.refuse", request="alice")
        self.assertEqual(asking.result(number)["state"], "refused")
        self.assert_refused("not_connected", alice.call, "chat.message", peer="bob", text="hi")
        self.assert_refused("no_such_request", bob.call, "chat.accept", request="alice")
        self.assertEqual(alice.call("chat.connected")["peers"], [])

    def test_yes_that_answers_nothing(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.assert_refused("no_such_request", bob.call, "chat.accept", request="alice")
        self.assert_refused("no_such_request", bob.call, "chat.accept", request="r1")
        alice.call("chat.request", to=bob.address())
        # the early yes above did not answer the request that came after it
        self.assert_refused("not_connected", alice.call, "chat.message", peer="bob", text="hi")
        self.assert_refused("no_such_request", alice.call, "chat.accept", request="r1")
        self.assert_refused("no_such_request", bob.call, "chat.accept", request="carol")

    def test_strangers_of_one_address_within_a_minute(self):
        """The log tells of the first; who watches is told of all, and so is who asks."""
        alice, bob, carol = (self.person(n) for n in ("alice", "bob", "carol"))
        watching = alice.client()
        watching.call("events.subscribe")
        bob.call("chat.request", to=alice.address())
        first = watching.event("chat.requested")
        carol.call("chat.request", to=alice.address())
        second = watching.event("chat.requested")
        self.assertEqual((first["peer"], second["peer"]), ("bob", "carol"))
        self.assertIsNotNone(first["seq"])
        self.assertIsNone(second["seq"])
        self.assertEqual([r["alias"] for r in alice.call("chat.requests")["requests"]],
                         ["bob", "carol"])
        later = alice.client()
        later.call("events.subscribe", since=0)
        self.assertEqual(later.event(), first)
        later.call("status")
        self.assertEqual(later.events, [])

    def test_yes_for_an_expired_request(self):
        alice = self.person("alice")
        config = self.write("bob.conf", "[Chat]\nRequestTimeoutSec=1\n")
        bob = self.person("bob", f"--config={config}")
        bobs = bob.client()
        bobs.call("events.subscribe")
        alice.call("chat.request", to=bob.address())
        asked = bobs.event("chat.requested")
        bobs.event("chat.expired")
        self.assert_refused("request_expired", bob.call, "chat.accept", request=asked["request"])
        self.assert_refused("request_expired", bob.call, "chat.accept", request="alice")
        self.assertEqual(bob.call("chat.connected")["peers"], [])
        self.assert_refused("not_connected", alice.call, "chat.message", peer="bob", text="hi")

    def test_yes_is_for_one_request_only(self):
        alice, bob, carol = (self.person(n) for n in ("alice", "bob", "carol"))
        first = alice.call("chat.request", to=bob.address())
        carol.call("chat.request", to=bob.address())
        self.assertEqual(first["request"], "r1")
        rig.wait_for(lambda: len(bob.call("chat.requests")["requests"]) == 2, "both requests")
        bob.call("chat.accept", request="alice")
        rig.wait_for(lambda: alice.call("chat.connected")["peers"], "alice's consent")
        self.assert_refused("not_connected", carol.call, "chat.message", peer="bob", text="me too")
        self.assertEqual([r["alias"] for r in bob.call("chat.requests")["requests"]], ["carol"])

    def test_yes_that_comes_too_late_there(self):
        """The request is over where it was asked; the other side does not know yet."""
        config = self.write("short.conf", "[Chat]\nRequestTimeoutSec=5\n")
        alice, bob = self.person("alice", f"--config={config}"), self.person("bob")
        events = bob.client()
        events.call("events.subscribe")
        asking = alice.client()
        asking.call("events.subscribe")
        alice.call("chat.request", to=bob.address())
        events.event("chat.requested")
        asking.event("chat.expired")
        bob.call("chat.accept", request="alice")
        self.assertEqual(events.event("chat.expired")["request"], "r1")
        self.assertEqual(bob.call("chat.connected")["peers"], [])
        self.assert_refused("not_connected", alice.call, "chat.message", peer="bob", text="hi")

    def test_crossing_requests(self):
        alice, bob = self.person("alice"), self.person("bob")
        alice.call("chat.request", to=bob.address())
        rig.wait_for(lambda: bob.call("chat.requests")["requests"], "the request")
        self.assertEqual(bob.call("chat.request", to=alice.address())["state"], "accepted")
        sent = alice.client()
        rig.wait_for(lambda: alice.call("chat.connected")["peers"], "consent")
        self.assertEqual(sent.call("chat.message", peer="bob", text="x", wait=True)["state"],
                         "delivered")

    def test_unreachable_keeps_nothing(self):
        alice = self.person("alice")
        self.assert_refused("unreachable", alice.call, "chat.request", to="127.0.0.1:1")
        self.assertEqual(alice.call("contact.list")["contacts"], [])
        self.assertEqual(alice.call("chat.requests")["requests"], [])

    def test_ourselves(self):
        alice = self.person("alice")
        self.assert_refused("invalid_params", alice.call, "chat.request",
                            to=alice.call("identity")["peer_id"] + "@127.0.0.1:9")
        self.assert_refused("unreachable", alice.call, "chat.request", to=alice.address())

    def test_by_peer_id(self):
        alice, bob = self.person("alice"), self.person("bob")
        address = bob.call("identity")["address"]
        self.assertTrue(address.startswith("p2pchat:"))
        self.assertEqual(alice.call("chat.request", to=address)["source"], "peer_id")
        wrong = alice.call("identity")["peer_id"]
        carol = self.person("carol")
        self.assert_refused("unreachable", carol.call, "chat.request",
                            to=f"{wrong}@{bob.address()}")

    def test_accept_from(self):
        alice = self.person("alice")
        config = self.write("bot.conf",
                            f"[Chat]\nAcceptFrom={alice.call('identity')['peer_id']}\n")
        bot = self.person("bot", f"--config={config}")
        answer = alice.call("chat.request", to=bot.address(), wait=True, wait_s=20)
        self.assertEqual(answer["state"], "accepted")


class Contacts(rig.People):
    def test_disconnect(self):
        alice, bob = self.pair()
        bobs = bob.client()
        bobs.call("events.subscribe")
        alice.call("chat.disconnect", peer="bob")
        self.assertEqual(bobs.event("chat.disconnected")["by"], "them")
        self.assert_refused("not_connected", bob.call, "chat.message", peer="alice", text="hi")
        self.assert_refused("not_connected", alice.call, "chat.message", peer="bob", text="hi")
        self.assert_refused("not_connected", alice.call, "chat.disconnect", peer="bob")
        self.befriend(alice, bob)
        self.assertEqual(alice.call("chat.message", peer="bob", text="again", wait=True)["state"],
                         "delivered")

    def test_disconnect_while_away(self):
        alice, bob = self.pair()
        self.assertEqual(bob.end(), 0)
        queued = alice.call("chat.message", peer="bob", text="never read")
        self.assertEqual(queued["state"], "queued")
        watcher = alice.client()
        watcher.call("events.subscribe")
        waiting = alice.client()
        number = waiting.send("chat.message", peer="bob", text="nor this", key="k", wait=True)
        watcher.event("message.sent")
        alice.call("chat.disconnect", peer="bob")
        failed = watcher.event("message.failed")
        self.assertEqual(failed["count"], 2)
        self.assertGreaterEqual(failed["through"], queued["seq"])
        waited = waiting.result(number)
        self.assertEqual((waited["seq"], waited["state"]), (queued["seq"] + 1, "failed"))
        self.assertEqual(alice.call("chat.message", peer="bob", text="nor this", key="k"), waited)
        self.assertEqual([m["state"] for m in alice.call("history")["messages"]], ["failed"] * 2)
        self.assertEqual(subprocess.run(
            [rig.program("p2pchatctl"), f"--socket={alice.socket}", "chat", "message", "bob",
             "nor this", "--key=k", "--wait"], capture_output=True, check=False).returncode, 1)
        bob.start()
        rig.wait_for(lambda: not bob.call("chat.connected")["peers"], "bob to be told")
        self.assertEqual(bob.call("history")["messages"], [])

    def test_block(self):
        alice, bob = self.pair()
        bob.call("contact.block", peer="alice")
        self.assertTrue(bob.call("contact.list")["contacts"][0]["blocked"])
        self.assert_refused("blocked", bob.call, "chat.message", peer="alice", text="hi")
        rig.wait_for(lambda: not alice.call("chat.connected")["peers"][0]["online"],
                       "the link to be closed")
        unheard = alice.call("chat.message", peer="bob", text="hm", wait=True, wait_s=0.2)
        self.assertEqual((unheard["state"], unheard["timed_out"]), ("queued", True))
        self.assertEqual(bob.call("history")["messages"], [])
        bob.call("contact.unblock", peer="alice")
        self.assertFalse(bob.call("contact.list")["contacts"][0]["blocked"])

    def test_rename_verify_remove(self):
        alice, bob = self.pair()
        self.assertEqual(alice.call("contact.rename", peer="bob", alias="robert")["alias"],
                         "robert")
        self.assert_refused("no_such_peer", alice.call, "chat.message", peer="bob", text="hi")
        self.assert_refused("bad_name", alice.call, "contact.rename", peer="robert", alias="a:b")
        number = alice.call("contact.verify", peer="robert")["safety_number"]
        self.assertEqual(number, bob.call("contact.verify", peer="alice")["safety_number"])
        self.assertEqual(len(number), 60)
        self.assert_refused("invalid_params", alice.call, "contact.verify", peer="robert",
                            number="0" * 60)
        self.assertFalse(alice.call("contact.list")["contacts"][0]["verified"])
        self.assertTrue(alice.call("contact.verify", peer="robert", number=number)["verified"])
        prefix = bob.call("identity")["peer_id"][:12]
        self.assertEqual(alice.call("contact.remove", peer=prefix)["alias"], "robert")
        self.assertEqual(alice.call("contact.list")["contacts"], [])
        rig.wait_for(lambda: not bob.call("chat.connected")["peers"], "bob to be told")

    def test_name_of_another(self):
        alice, bob = self.pair()
        imposter = self.person("alice", place="elsewhere")
        bobs = bob.client()
        bobs.call("events.subscribe")
        imposter.call("chat.request", to=bob.address())
        warning = bobs.event("security.warning")
        self.assertEqual(warning["peer"], "alice-2")
        self.assertEqual(warning["peer_id"], imposter.call("identity")["peer_id"])
        again = self.person("alice", place="again")
        again.call("chat.request", to=bob.address())
        rig.wait_for(lambda: len(bob.call("chat.requests")["requests"]) == 2, "both requests")
        self.assertEqual(sorted(r["alias"] for r in bob.call("chat.requests")["requests"]),
                         ["alice-2", "alice-3"])
        self.assertEqual(alice.call("chat.message", peer="bob", text="the real one", wait=True)
                         ["state"], "delivered")
        late = bob.client()
        late.call("events.subscribe", since=0)
        late.event("security.warning")
        late.event("message.received")
        self.assertEqual([e for e in late.events if e["type"] == "security.warning"], [])


class Restarts(rig.People):
    def test_both_restarted(self):
        alice, bob = self.pair()
        before = alice.call("chat.message", peer="bob", text="before", wait=True)
        self.assertEqual(alice.end(), 0)
        self.assertEqual(bob.end(), 0)
        bob.start()
        alice.start()
        rig.wait_for(lambda: alice.call("chat.connected")["peers"][0]["online"] and
                       bob.call("chat.connected")["peers"][0]["online"], "the link to come back")
        after = alice.call("chat.message", peer="bob", text="after", wait=True)
        self.assertEqual(after["state"], "delivered")
        self.assertGreater(after["seq"], before["seq"])
        self.assertNotEqual(after["id"].split("-")[0], before["id"].split("-")[0])
        self.assertEqual([m["text"] for m in bob.call("history")["messages"]], ["before", "after"])

    def test_request_survives_restart(self):
        alice, bob = self.person("alice"), self.person("bob")
        alice.call("chat.request", to=bob.address())
        rig.wait_for(lambda: bob.call("chat.requests")["requests"], "the request")
        self.assertEqual(alice.end(), 0)
        self.assertEqual(bob.end(), 0)
        alice.start()
        bob.start()
        self.assertEqual(len(alice.call("chat.requests")["requests"]), 1)
        bob.call("chat.accept", request="r1")
        rig.wait_for(lambda: alice.call("chat.connected")["peers"], "consent")

    def test_messages_to_one_who_is_away(self):
        alice, bob = self.pair()
        self.assertEqual(bob.end(), 0)
        for number in range(50):
            self.assertEqual(alice.call("chat.message", peer="bob", text=f"m{number}")["state"],
                             "queued")
        self.assertEqual(alice.end(), 0)
        alice.start()
        alice.call("chat.message", peer="bob", text="last")
        self.assertEqual(alice.call("status")["queued"], 51)
        bob.start()
        rig.wait_until_delivered(alice)
        self.assertEqual([m["text"] for m in bob.call("history", limit=100)["messages"]],
                         [f"m{n}" for n in range(50)] + ["last"])

    def test_killed(self):
        alice, bob = self.pair()
        for number in range(5):
            alice.call("chat.message", peer="bob", text=f"m{number}")
            (alice if number % 2 else bob).end(signal.SIGKILL)
            (alice if number % 2 else bob).start()
        rig.wait_until_delivered(alice)
        self.assertEqual([m["text"] for m in bob.call("history")["messages"]],
                         [f"m{n}" for n in range(5)])


class Copies(rig.People):
    def test_copy_of_a_state_directory(self):
        """Two copies of one database take turns: nothing arrives twice."""
        alice, bob = self.pair()
        alice.call("chat.message", peer="bob", text="one", wait=True)
        alice.end()
        copy = alice.state + "-copy"
        shutil.copytree(alice.state, copy)
        said = ["one"]
        for turn, state in enumerate((alice.state, copy, alice.state, copy)):
            alice.state = state
            alice.start()
            alice.call("chat.message", peer="bob", text=f"turn {turn}", wait=True)
            said.append(f"turn {turn}")
            alice.end()
        self.assertEqual([m["text"] for m in bob.call("history")["messages"]], said)


class Keys(rig.People):
    def test_same_key_sends_once(self):
        alice, bob = self.pair()
        first = alice.call("chat.message", peer="bob", text="once", key="k1")
        second = alice.call("chat.message", peer="bob", text="once", key="k1", wait=True)
        self.assertEqual((first["seq"], first["id"]), (second["seq"], second["id"]))
        self.assertEqual(second["state"], "delivered")
        self.assert_refused("key_conflict", alice.call, "chat.message", peer="bob", text="other",
                            key="k1")
        self.assertEqual(len(bob.call("history")["messages"]), 1)


class Limits(rig.People):
    def test_text(self):
        alice, bob = self.pair()
        longest = "\u5929" * 21845 + "x"  # 65,536 bytes
        self.assertEqual(alice.call("chat.message", peer="bob", text=longest, wait=True)["state"],
                         "delivered")
        self.assertEqual(bob.call("history")["messages"][0]["text"], longest)
        self.assert_refused("too_long", alice.call, "chat.message", peer="bob", text="x" * 65537)
        self.assert_refused("invalid_params", alice.call, "chat.message", peer="bob", text="")
        self.assert_refused("bad_text", alice.call, "chat.message", peer="bob", text="\x1b[2J")
        self.assert_refused("too_long", alice.call, "chat.request", to="bob", greeting="x" * 1025)
        self.assert_refused("no_such_peer", alice.call, "chat.message", peer="nobody", text="x")

    def test_outbox(self):
        config = self.write("limits.conf", "[Limits]\nOutboxMessages=3\nOutboxBytes=64K\n")
        alice, bob = self.person("alice", f"--config={config}"), self.person("bob")
        self.befriend(alice, bob)
        bob.end()
        for number in range(3):
            alice.call("chat.message", peer="bob", text=f"m{number}")
        self.assert_refused("outbox_full", alice.call, "chat.message", peer="bob", text="m3")
        self.assertEqual(alice.end(), 0)
        alice.start()
        self.assert_refused("outbox_full", alice.call, "chat.message", peer="bob", text="m3")
        self.assertEqual(alice.call("status")["queued"], 3)
        bob.start()
        rig.wait_until_delivered(alice)
        bob.end()
        alice.call("chat.message", peer="bob", text="x" * 65536)
        self.assert_refused("outbox_full", alice.call, "chat.message", peer="bob", text="x")


if __name__ == "__main__":
    rig.main()
