"""Manual pages are well formed: mandoc -Tlint -W error."""

import shutil
import subprocess

import rules


def check(tree):
    for path in tree.files(".1", ".5", ".7", ".8", under="man/"):
        said = subprocess.run(["mandoc", "-Tlint", "-Werror"], input=tree.read_bytes(path),
                              capture_output=True).stdout.decode()
        for line in said.splitlines():
            yield line.replace("mandoc: <stdin>", path)


FIRES = [("a macro that is none", {"man/a.7": ".Dd $Mdocdate$\n.Dt A 7\n.Os\n.Sh NAME\n.Zz\n"},
          "man/a.7:5:")]
PASSES = [("a page", {"man/a.7": ".Dd November 1, 2026\n.Dt A 7\n.Os\n.Sh NAME\n.Nm a\n.Nd a page\n"})]

if __name__ == "__main__":
    rules.main(check, FIRES, PASSES,
               skip=None if shutil.which("mandoc") else "mandoc is not installed")
