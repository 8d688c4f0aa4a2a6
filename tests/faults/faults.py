#!/usr/bin/env python3
"""Plants each fault of this folder into a simulator of its own, and demands that it is caught.

    faults.py [NAME...]            as a test: each fault is caught where found.txt says
    faults.py --search [--scenario=SCENARIO...] [NAME...]
                                   looks for the first seed that catches it, in the scenario that
                                   found.txt has, or in these, or in all; writes found.txt

A fault is a file NAME.patch: a line that says what it breaks, and a unified diff against sources of
the core, the feed or the simulated disk. It must apply; its simulator must fail because a checker
or the simulated disk says so, and not because it dies. A line of found.txt has its name, the
scenario and the first seed that catch it, and a part of what the checker says then.

Seeds depend on everything that the nodes do: when the product has changed so that another seed
catches the fault, the test looks for it among the first 10,000 for some minutes, and says that found.txt is
old."""
import concurrent.futures
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.environ.get("top_srcdir", os.path.join(HERE, "..", ".."))
BUILD = os.path.abspath(os.environ.get("top_builddir", "."))
FOUND = os.path.join(HERE, "found.txt")
SEEDS = 10000
SECONDS = 600  # for all faults together whose seed must be looked for
SEARCHES = (10, 60), (300, 40), (SEEDS, 300)  # seeds and seconds for each scenario


class Missed(Exception):
    """A fault that does not apply, does not build or is not caught."""


def run(command, **options):
    return subprocess.run(command, cwd=BUILD, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", **options)


def must_run(what, command):
    result = run(command)
    if result.returncode != 0:
        raise Missed(f"{what}:\n{result.stdout}")


def touched(patch):
    """The sources that a patch changes."""
    with open(patch, encoding="utf-8") as file:
        return re.findall(r"^\+\+\+ b/(\S+)", file.read(), re.MULTILINE)


def build(name, folder):
    """Makes a simulator with the fault in it; returns its path."""
    with open(os.path.join(BUILD, "tests", "faults", "build.json"), encoding="utf-8") as file:
        flags = json.load(file)
    patch = os.path.join(HERE, name + ".patch")
    objects = []
    for source in touched(patch):
        os.makedirs(os.path.join(folder, os.path.dirname(source)), exist_ok=True)
        shutil.copyfile(os.path.join(SOURCES, source), os.path.join(folder, source))
    must_run("does not apply", ["patch", "--batch", "--forward", "--strip=1", "--fuzz=2",
                                f"--directory={folder}", f"--input={patch}"])
    for source in touched(patch):
        objects.append(os.path.join(folder, source[:-2] + ".o"))
        must_run("does not compile", shlex.split(flags["compile"]) +
                 ["-w", "-Wno-error", "-c", "-o", objects[-1], os.path.join(folder, source)])
    program = os.path.join(folder, "sim")
    must_run("does not link", shlex.split(flags["link"]) + ["-o", program] + objects +
             shlex.split(flags["objects"]) + shlex.split(flags["libraries"]))
    return program


def play(program, scenario, *options, seconds=1200):
    """Plays until a seed fails; returns that seed and what the checker says, or None."""
    try:
        result = run([program, f"--scenario={scenario}", "--first", *options],
                     timeout=seconds, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    except subprocess.TimeoutExpired:
        return None
    failure = re.search(r"^# --scenario=\S+ --seed=(\d+): (.*)", result.stdout, re.MULTILINE)
    refused = re.search(r"tests/support/model_store.c:\d+: (does not hold: .*)", result.stdout)
    if failure and failure[2] != "the simulator died":
        return int(failure[1]), failure[2]
    if failure and refused:  # the simulated disk, by what must never be asked of it
        return int(failure[1]), refused[1]
    if result.returncode != 0:
        raise Missed(f"is not caught by a checker:\n{result.stdout[-3000:]}")
    return None


def jobs():
    return len(os.sched_getaffinity(0))


def read_found():
    """Name of the fault: scenario, seed, words of the checker."""
    found = {}
    with open(FOUND, encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                name, scenario, seed, words = line.split(maxsplit=3)
                found[name] = scenario, int(seed), words.strip()
    return found


def write_found(found):
    with open(FOUND, "w", encoding="utf-8") as file:
        file.write("# fault, scenario, the first seed that catches it, what the checker says\n"
                   "# (faults.py --search writes this)\n")
        for name in sorted(found):
            file.write("{} {} {} {}\n".format(name, *found[name]))


def check(name, expected, end):
    """Returns a remark, or None; raises Missed. Looks for another seed until `end`."""
    if expected is None:
        raise Missed("is not in found.txt: --search")
    scenario, seed, words = expected
    with tempfile.TemporaryDirectory(prefix="fault-") as folder:
        program = build(name, folder)
        caught = play(program, scenario, f"--seed={seed}", "--seeds=1")
        if caught and words in caught[1]:
            return None
        caught = play(program, scenario, f"--seeds={SEEDS}",
                      seconds=max(1, end - time.monotonic()))
        if not caught:
            raise Missed(f"is not caught by {scenario} within {SEEDS} seeds and the time that a "
                         f"test has; look for it: make search-faults FAULTS={name}")
        return f"found.txt is old: {scenario} {caught[0]} {caught[1]}"


def check_all(names):
    found = read_found()
    print(f"1..{len(names)}", flush=True)
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(jobs()) as pool:
        end = time.monotonic() + SECONDS
        checks = [pool.submit(check, name, found.get(name), end) for name in names]
        for number, (name, future) in enumerate(zip(names, checks), 1):
            where = "{} {}".format(*found[name][:2]) if name in found else "nowhere"
            try:
                remark = future.result()
                print(f"ok {number} - {name} is caught ({where})")
                if remark:
                    print("# " + remark)
            except Missed as missed:
                bad += 1
                print(f"not ok {number} - {name} ({where})")
                print("# " + str(missed).replace("\n", "\n# "))
            sys.stdout.flush()
    return bad


def without_numbers(words):
    """The longest part of what a checker says that does not depend on the seed."""
    parts = re.split(r"\bp\d+\b|\d+|0x\w+", re.sub(r"^at \d+ ms: ", "", words))
    return max((part.strip(" :,;") for part in parts), key=len)


def search_one(name, scenarios):
    """Scenario, seed and what is said; few seeds of each scenario first."""
    with tempfile.TemporaryDirectory(prefix="fault-") as folder:
        program = build(name, folder)
        if not scenarios:
            scenarios = run([program, "--list"]).stdout.split()
        for seeds, seconds in SEARCHES:
            for scenario in scenarios:
                caught = play(program, scenario, f"--seeds={seeds}", f"--jobs={jobs()}",
                              seconds=seconds)
                if caught:
                    return scenario, *caught
    raise Missed("is not caught")


def search(names, scenarios):
    found = read_found()
    for name in names:
        known = [found[name][0]] if name in found else []
        try:
            scenario, seed, words = search_one(name, scenarios or known)
        except Missed as missed:
            print(f"{name}: {missed}", flush=True)
            continue
        found[name] = scenario, seed, without_numbers(words)
        write_found(found)
        print(name, scenario, seed, words, flush=True)


def main():
    arguments = sys.argv[1:]
    scenarios = [a.split("=", 1)[1] for a in arguments if a.startswith("--scenario=")]
    names = [a for a in arguments if not a.startswith("--")]
    if not names:
        names = sorted(f[:-6] for f in os.listdir(HERE) if f.endswith(".patch"))
    if "--search" not in arguments:
        sys.exit(check_all(names) > 0)
    search(names, scenarios)


main()
