#!/usr/bin/python3
"""TAP: verify.py and notary-verify agree on many changed certificates.

A sample of what tests/differential/run.py does at length: every named
mutation is met at least once in each trust class.  TEST_CASES and TEST_SEED
in the environment ask for more, or for others.
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "../differential"))
try:
    import run
except ImportError:
    print("1..0 # SKIP python3-cryptography is not installed")
    sys.exit(0)

# Verdicts that no certificate has by itself: late is an answer to --at, and
# no-memory says nothing of it.
NOT_HERE = {"not-final", "late", "no-memory"}
tests = []


def ok(cond, what):
    tests.append(cond)
    print("%sok %d - %s" % ("" if cond else "not ", len(tests), what))


def verdicts():
    with open(os.path.join(HERE, "../../core/verdict.c"),
              encoding="utf-8") as f:
        return set(re.findall(r'\[V_\w+\] = \{"([a-z-]+)"', f.read()))


def main():
    seed = os.environ.get("TEST_SEED", "1")
    reached = set()
    for name in sorted(run.forge.CLASSES):
        cases = int(os.environ.get("TEST_CASES", len(run.mutations.ALL)))
        tally = run.compare(name, cases, seed)
        reached |= set(tally.verdicts)
        print("# of class %s:" % name)
        run.show(tally)
        ok(tally.count == cases and not tally.bad,
           "class %s: the same verdict on %d certificates"
           % (name, tally.count))
        for line in tally.bad:
            print("# " + line)
    missing = verdicts() - NOT_HERE - reached
    ok(not missing, "every verdict is reached %s" % sorted(missing))
    ok(reached <= verdicts(), "and no other %s" % sorted(
        reached - verdicts()))
    print("1..%d" % len(tests))
    return 0 if all(tests) else 1


if __name__ == "__main__":
    sys.exit(main())
