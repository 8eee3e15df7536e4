#!/usr/bin/python3
"""Holds two verifiers against each other over many changed certificates.

    run.py [--cases N] [--seed S] [--class local|nitro] [--only TEXT]
           [--case NUMBER]... [--save DIR]

build/tests/judge (notary-verify's judgement) and contrib/verify.py have to
give the same verdict by the same name.  Every disagreement is named by its
seed, number and mutation; --save DIR keeps the case itself.  A case is a
function of seed and number, but for signatures, which are drawn anew.
"""
import argparse
import collections
import io
import os
import queue
import random
import struct
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "../..")
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.join(TOP, "contrib")]
import forge  # noqa: E402
import mutations  # noqa: E402
import verify  # noqa: E402

BUILD = os.environ.get("NOTARYFS_BUILD", os.path.join(TOP, "build"))


class Judge:
    """build/tests/judge, fed by a thread of its own."""

    def __init__(self):
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "tests/judge"), forge.WITNESS], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)
        self.queue = queue.Queue(64)
        threading.Thread(target=self.feed, daemon=True).start()

    def feed(self):
        while True:
            case = self.queue.get()
            if case is None:
                self.process.stdin.close()
                return
            for part in case:
                self.process.stdin.write(struct.pack(">I", len(part)) + part)
            self.process.stdin.flush()

    def put(self, case):
        self.queue.put(case)

    def get(self):
        return self.process.stdout.readline().decode().strip() or "crashed"

    def end(self):
        self.queue.put(None)
        return self.process.wait()


WITNESSES = [verify.read_witness(forge.WITNESS)]


def ours(anchor, certificate, content, asked):
    held = None
    if len(asked) != 1:  # else it is not at hand
        held = verify.Content(io.BytesIO(content), struct.unpack(
            ">QQ", asked) if asked else None)
    facts = {}
    try:
        verdict = verify.verdict(certificate, anchor or None, held, facts,
                                 WITNESSES)
        if verdict not in ("valid", "no-anchor"):
            return verdict
        return " ".join([verdict] + [str(facts[f] or 0) for f in (
            "recorded_after", "existed_by", "final_by", "height", "k",
            "log_size")] + [str(len(facts["witnesses"])), facts["trust"]])
    except Exception as e:  # a verifier must not fail: name it
        return "failed: %r" % e


def cases(name, count, seed, only, numbers=()):
    """(number, mutation, chain, case)"""
    keys = forge.Keys()
    chains = forge.chains(forge.CLASSES[name], keys)
    every = [m for m in mutations.ALL if only in m[0]
             and any(map(m[1], chains))]
    start = random.Random("%s %s" % (seed, name))
    start.shuffle(every)
    for i in range(count):
        if numbers and i not in numbers:
            continue
        rng = random.Random("%s %s %d" % (seed, name, i))
        what, fits, make = every[i % len(every)]
        chain = rng.choice([c for c in chains if fits(c)])
        index = rng.randrange(len(forge.SIZES))
        case = make(chain, index, rng, chains)
        yield i, getattr(make, "what", what), chain, case


class Tally:
    def __init__(self):
        self.count = self.refused = 0
        self.verdicts = collections.Counter()
        self.bad = []

    def add(self, what, theirs, mine):
        self.count += 1
        self.verdicts[theirs.split()[0]] += 1
        if theirs != mine:
            self.bad.append("%s: judge says %s, verify.py %s"
                            % (what, theirs, mine))


def compare(name, count, seed, only="", save=None, numbers=()):
    judge, tally, waiting = Judge(), Tally(), collections.deque()

    def settle():
        what, case, mine = waiting.popleft()
        theirs = judge.get()
        tally.add(what, theirs, mine)
        if save and theirs != mine:
            with open(os.path.join(save, "%s-%d" % (name, tally.count)),
                      "wb") as f:
                for part in case:
                    f.write(struct.pack(">I", len(part)) + part)
    for i, what, chain, case in cases(name, count, seed, only, numbers):
        judge.put(case)
        label = "seed %s %s case %d, %s, %s" % (
            seed, name, i, chain.label, what)
        waiting.append((label, case, ours(*case)))
        if len(waiting) > 48:
            settle()
    while waiting:
        settle()
    if judge.end() != 0:
        tally.bad.append("judge ends with an error")
    return tally


def show(tally):
    for verdict, n in sorted(tally.verdicts.items(), key=lambda p: -p[1]):
        print("# %6d %s" % (n, verdict))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--cases", type=int, default=10000)
    p.add_argument("--seed", default="1")
    p.add_argument("--class", dest="classes", action="append",
                   choices=sorted(forge.CLASSES))
    p.add_argument("--only", default="")
    p.add_argument("--case", type=int, action="append", default=[])
    p.add_argument("--save")
    o = p.parse_args()
    failed = False
    for name in o.classes or sorted(forge.CLASSES):
        tally = compare(name, o.cases, o.seed, o.only, o.save, o.case)
        print("# %s: %d cases of %d mutations, %d disagree" % (
            name, tally.count, len(mutations.ALL), len(tally.bad)))
        show(tally)
        for line in tally.bad:
            print(line)
        failed = failed or bool(tally.bad)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
