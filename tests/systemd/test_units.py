"""The units under a real systemd (p2pchatd(8), Service)."""

import machine


class Boot(machine.Test):
    def test_node_starts_with_the_machine(self):
        m = self.machine().boot()
        self.assertEqual(m.run("systemctl", "is-system-running").out, "running\n")
        self.assertEqual(m.show("p2pchatd.service", "ActiveState", "SubState", "User"),
                         {"ActiveState": "active", "SubState": "running", "User": "p2pchat"})
        self.assertEqual(m.call("status")["role"], "node")
        self.assertEqual(m.show("p2pchat-tracker.service", "ActiveState"), "inactive")
        self.assertEqual(m.show("p2pchat-tracker.socket", "ActiveState"), "inactive")


if __name__ == "__main__":
    machine.main()
