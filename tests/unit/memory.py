#!/usr/bin/python3
"""TAP: notary-verify stays below 64 MiB whatever it is given, and says what it
finds all the same.  Each case is the peak of a process of its own.
"""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.realpath(os.environ.get("NOTARYFS_BUILD",
                                        os.path.join(HERE, "../../build")))
LIMIT = 64 << 10  # KiB
tests = []


def ok(cond, what):
    tests.append(cond)
    print("%sok %d - %s" % ("" if cond else "not ", len(tests), what), flush=True)


def tool(name, *args):
    subprocess.run([os.path.join(BUILD, "tests", name), *args], check=True)


def check(code, says, what, *args):
    """notary-verify ends with this code, says this, and took less."""
    with open("out", "wb") as out:
        process = subprocess.Popen(
            [os.path.join(BUILD, "notary-verify"), "--anchor", "anchor", *args],
            stdout=out, stderr=out)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = got = os.waitstatus_to_exitcode(status)
    # not read here: what this process holds, the next one is born with
    said = subprocess.run(["grep", "-qF", "--", says, "out"],
                          check=False).returncode == 0
    ok(got == code and said and used.ru_maxrss < LIMIT,
       "%s: exit %d, %s, %d KiB" % (what, got, "said" if said else
                                    "NOT said: " + says, used.ru_maxrss))


def sparse(path, size):
    with open(path, "wb") as f:
        f.truncate(size)


class Links:
    """New names of one file; a file system has a limit for each file."""

    def __init__(self, make):
        self.make, self.n = make, 0

    def add(self, name, at=None):
        if self.n % 50000 == 0:
            self.first = os.path.abspath("link-%d" % len(os.listdir()))
            self.make(self.first)
        self.n += 1
        os.link(self.first, name, dst_dir_fd=at, follow_symlinks=False)


def deep(top, levels, names):
    """Folders in one another, each with so many long names that are held while
    the walk is below it."""
    links = Links(lambda path: os.symlink("x", path))
    os.mkdir(top)
    at = os.open(top, os.O_RDONLY)
    for _ in range(levels):
        for i in range(names):
            links.add("z%0250d" % i, at)
        os.mkdir("a", dir_fd=at)
        below = os.open("a", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=at))
    os.close(at)


def main():
    tool("mkcert", ".", "1", str(300 << 20))
    check(0, "valid", "a file of 300 MiB", "large")
    check(0, "valid", "a large range of it", "--range", "5-%d" % (299 << 20),
          "large")
    sparse("huge", 1 << 40)
    check(1, "refused: size", "a file of 1 TiB that is not the one", "huge",
          "large.cert")
    check(1, "larger than", "a certificate of 1 TiB", "large", "huge")
    check(1, "larger than", "explained", "explain", "huge")
    check(1, "larger than", "taken apart", "parts", "huge", "parts")
    with open("full.cert", "wb") as f:
        f.write(b"\xd9\xd9\xf7\xbb" + b"\x9b" * (262144 - 4))
    check(1, "malformed", "a certificate of just the limit, all heads",
          "large", "full.cert")
    os.mkdir("large-ones")
    for i in range(40):
        os.link("large", "large-ones/%d" % i)
        sparse("large-ones/%d.cert" % i, 300000)
    for i in range(4):
        os.link("large.cert", "large-ones/b%d.cert" % i)
        os.link("large", "large-ones/b%d" % i)
    check(1, "4 valid, 40 refused", "large files and certificates in a tree",
          "-r", "large-ones")

    os.mkdir("flat")
    links = Links(lambda path: sparse(path, 1))
    for i in range(200000):
        links.add("flat/%0100d" % i)
    check(2, "200000 incomplete", "200,000 long names", "-r", "flat")
    check(2, '"incomplete":200000', "in JSON", "--json", "-r", "flat")
    deep("deep", 2030, 130)
    check(2, "1 incomplete", "2030 folders in one another", "-r", "deep")
    deep("deeper", 4000, 1)
    check(2, "a path is too long", "4000, more than a path can name", "-r",
          "deeper")

    os.mkdir("log")
    tool("mklog", "log", "300000")
    os.replace("log/anchor", "anchor")
    check(0, "300000 entries", "a log of 300,000 entries", "--log", "log/log")
    os.truncate("log/log/tile/entries/x001/170", 1 << 40)
    check(1, "larger than", "with a bundle of 1 TiB", "--log", "log/log")
    sparse("log/log/tile/entries/000", 256 * 65537)
    check(1, "larger than", "and one of entries as large as C2SP allows",
          "--log", "log/log")
    os.truncate("log/log/checkpoint", 1 << 40)
    check(1, "larger than", "and a checkpoint of 1 TiB", "--log", "log/log")


if __name__ == "__main__":
    if "asan" in BUILD or "tsan" in BUILD:
        print("1..0 # SKIP a sanitizer has memory of its own")
        sys.exit(0)
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    try:
        main()
    finally:
        os.chdir("/")
        # rmtree() of Python before 3.13 recurses
        subprocess.run(["rm", "-rf", folder], check=False)
    print("1..%d" % len(tests))
    sys.exit(0 if all(tests) else 1)
