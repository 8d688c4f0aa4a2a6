"""Numbers in the text format of Prometheus, read strictly: what another reader lets pass, and
p2pchatd never writes, is an error here too."""

import re
import sys

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's, also for a python3 that is not

from prometheus_client.parser import text_string_to_metric_families

SAMPLE = re.compile(r'(p2pchat_[a-z_]+)\{role="(node|tracker)"(?:,([a-z]+)="([^"\\]+)")?\} '
                    r"(\d+(?:\.\d{1,6})?)")


class Numbers(dict):
    """{(name, value of its label, or None): number}, and {name: kind} of what there is."""

    def __init__(self, text):
        super().__init__()
        self.kinds = {}
        names = []
        assert text.endswith("\n") and "\n\n" not in text, text[-200:]
        for line in text.splitlines():
            if line.startswith("# HELP "):
                names.append(line.split(" ")[2])
                assert names.count(names[-1]) == 1, f"twice: {line}"
            elif line.startswith("# TYPE "):
                assert line.split(" ")[2] == names[-1], line
                self.kinds[names[-1]] = line.split(" ")[3]
            else:
                self.add(line, names[-1])
        for name, kind in self.kinds.items():
            if kind == "histogram":
                self.check_histogram(name)
        self.check_with_another_reader(text)

    def add(self, line, family):
        match = SAMPLE.fullmatch(line)
        assert match, line
        name, self.role, _, value, number = match.groups()
        parts = ("_bucket", "_sum", "_count") if self.kinds[family] == "histogram" else ("",)
        assert name in [family + part for part in parts], line
        assert (name, value) not in self, f"twice: {line}"
        self[name, value] = float(number)

    def check_histogram(self, name):
        counts = [number for (each, _), number in self.items() if each == name + "_bucket"]
        assert counts == sorted(counts) and counts[-1] == self[name + "_count", None], name
        assert (name + "_bucket", "+Inf") in self, name

    def check_with_another_reader(self, text):
        samples = [sample for family in text_string_to_metric_families(text)
                   for sample in family.samples]
        assert len(samples) == len(self)
        for sample in samples:
            label = [value for name, value in sample.labels.items() if name != "role"]
            assert self[sample.name, label[0] if label else None] == sample.value, sample

    def of(self, name, label=None):
        return self["p2pchat_" + name, label]

    def check_since(self, before):
        """Counters only grow, while the daemon runs."""
        for (name, label), number in before.items():
            if self.kinds.get(name) == "counter":
                assert self[name, label] >= number, (name, label)
