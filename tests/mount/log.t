#!/usr/bin/python3
"""log: .notary/log is a static transparency log: what it lists is there, it
reaches as far as its checkpoint, survives an end and a crash, and a verifier
that is not ours (tests/tlogcheck, with Go's own library) accepts it, proves
every entry and that it has only grown, and refuses it with one byte changed.
"""
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import *  # noqa: E402,F403

need_fuse()
tap = Tap()
v = Vault(settle="500ms")
log = os.path.join(v.mnt, ".notary/log")
BLOCKS = 300  # more than a tile is wide


def read(*path):
    with open(os.path.join(*path), "rb") as f:
        return f.read()


def size(top=log):
    return int(read(top, "checkpoint").split(b"\n")[1])


def add(n, start):
    """One file, one block, n times."""
    for i in range(start, start + n):
        path = os.path.join(v.mnt, "f%d" % i)
        with open(path, "w") as f:
            f.write("%d\n" % i)
        run(NOTARYFS, "seal", path, check=True)
        run(NOTARYFS, "wait", path, check=True)


def height():
    return v.status()["height"]


def caught_up():
    return wait_for(lambda: size() == height() + 1)


def copy(name):
    """One that did not grow meanwhile: folders have records of their own, at
    a time of theirs."""
    to = os.path.join(v.dir, name)
    while True:
        was = size()
        run("cp", "-r", log, to, check=True)
        if size(to) == size() == was:
            return to
        shutil.rmtree(to)


def checker():
    """Built with Debian's golang-go and golang-golang-x-mod-dev; they are too
    large (450 MB) to be asked of everybody who runs the tests."""
    if shutil.which("go") is None or not os.path.isdir(
            "/usr/share/gocode/src/golang.org/x/mod/sumdb/note"):
        return None
    out = os.path.join(v.dir, "tlogcheck")
    env = dict(os.environ, GO111MODULE="off", GOPATH="/usr/share/gocode",
               GOCACHE=os.path.join(v.dir, "gocache"), GOFLAGS="")
    run("go", "build", "-o", out, os.path.join(TOP, "tests/tlogcheck/main.go"),
        env=env, check=True)
    return out


v.mount()
tap.ok(wait_for(lambda: os.path.exists(log + "/checkpoint")),
       "a log begins with the mount")
tap.is_(size(), 1, "and holds block zero")
tap.is_(sorted(os.listdir(log)), sorted(
    ["checkpoint", "vkey", "attestation.cose", "block-zero.cbor",
     "params.cbor", "sequencer.der", "tile", "receipt", "epoch"]), "its folder is listed")
tap.is_(os.listdir(log + "/tile/0"), ["000.p"], "one hash is a partial tile")
add(3, 0)
tap.ok(caught_up(), "the checkpoint follows what is final")
first = copy("first")
tap.is_(len(read(first, "tile/0/000.p", str(size(first)))), 32 * size(first),
        "the partial tile has a hash for each entry")
tap.ok(not os.path.exists(log + "/tile/0/000.p/%d" % (size() + 1)),
       "none reaches beyond the checkpoint")
for bad in "tile/0/000", "tile/1/000.p/1", "tile/0/000.p/0", "receipt/99.cose", "no":
    tap.ok(not os.path.exists(os.path.join(log, bad)), "there is no " + bad)
try:
    open(log + "/checkpoint", "r+")
    tap.ok(False, "nobody writes to it")
except PermissionError:
    tap.ok(True, "nobody writes to it")

tap.is_(read(v.mnt, "f0.cert.d/log.vkey") + b"\n", read(log, "vkey"),
        "a certificate's parts have the same key")

# a hand-over, and a crash
v.umount("--final")
v.mount()
tap.ok(size() >= size(first), "it is there again after a mount")
add(2, 10)
tap.ok(caught_up(), "it goes on in the next epoch")
tap.ok(read(log, "vkey") != read(first, "vkey"), "under a key of its own")
second = copy("second")
os.kill(v.daemon_pid(), signal.SIGKILL)
wait_for(lambda: not alive(v.daemon_pid()))
subprocess.run(["fusermount3", "-uz", v.mnt])
v.mount()
add(1, 20)
tap.ok(caught_up(), "and after a crash")
third = copy("third")

# our own verifier, from the anchor down


def verdict(top, *old, anchor=None):
    p = run(VERIFY, "--anchor", anchor or v.anchor, "--log", top, *old)
    return p.returncode, p.stdout.decode()


def forge(top, path, at, bit=1):
    """A copy of the log with one bit changed."""
    to = os.path.join(v.dir, "forged")
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(top, to)
    name = os.path.join(to, path)
    os.chmod(name, 0o644)
    with open(name, "r+b") as f:
        f.seek(at)
        b = f.read(1)[0]
        f.seek(at)
        f.write(bytes([b ^ bit]))
    return to


for top in first, second, third:
    code, text = verdict(top)
    tap.ok(code == 0 and "valid: %d entries" % size(top) in text,
           "notary-verify --log: %s" % text.split(",")[0])
code, text = verdict(third, first + "/checkpoint", second + "/checkpoint")
tap.ok(code == 0 and "it has grown from each" in text,
       "it has grown over epochs and a crash")
code, text = verdict(first, second + "/checkpoint")
tap.ok(code == 1 and "was cut off, or is the older one" in text,
       "but not backwards")
tap.is_(verdict(third, anchor="0" * 64), (1, "refused: log: it is the log of another chain\n"),
        "another chain's anchor")
p = run(VERIFY, "--log", third)
tap.ok(p.returncode == 2 and p.stdout.startswith(b"no anchor given"),
       "without an anchor it is not called valid")
part = "tile/%%s/000.p/%d" % size(third)
for path, at, bit, why in (
        ("block-zero.cbor", 9, 1, "another chain"),
        ("params.cbor", 40, 1, "does not hold these parameters"),
        ("attestation.cose", 900, 1, "attestation.cose"),
        ("checkpoint", 100, 1, "checkpoint"),
        (part % "0", 33, 1, "entry 1"),
        (part % "entries", 5, 1, "entry 0"),
        (part % "entries", 0, 0x80, "malformed")):
    code, text = verdict(forge(third, path, at, bit))
    tap.ok(code == 1 and why in text, "%s changed: %s" % (path, text.strip()))
code, text = verdict(third, forge(first, "checkpoint", 90) + "/checkpoint")
tap.ok(code == 1, "an older checkpoint of another history: %s" % text.strip())
os.unlink(forge(third, "checkpoint", 0) + "/params.cbor")
tap.is_(verdict(os.path.join(v.dir, "forged"))[0], 2,
        "a file that is missing: cannot say")

# receipts, with somebody else's COSE: npm's @transmute/cose


def receipt(i, change=None):
    """The exit code of the check of entry i's receipt."""
    bundle = read(log, "tile/entries/000.p/%d" % size())
    entries = []
    while bundle:
        n = int.from_bytes(bundle[:2], "big")
        entries.append(bundle[2:2 + n])
        bundle = bundle[2 + n:]
    raw = bytearray(read(log, "receipt/%d.cose" % i))
    if change is not None:
        raw[change] ^= 1
    for name, data in ("receipt", raw), ("entry", entries[i]), \
            ("other", entries[i - 1]):
        with open(os.path.join(v.dir, name), "wb") as f:
            f.write(data)
    return [run("node", os.path.join(TOP, "tests/receiptcheck/check.js"),
                log + "/sequencer.der", os.path.join(v.dir, "receipt"),
                os.path.join(v.dir, entry)).returncode
            for entry in ("entry", "other")]


if shutil.which("node") is None or run(
        "node", "-e", "require('@transmute/cose')").returncode != 0:
    tap.diag("SKIP receipts with somebody else's COSE: needs node, and npm's "
             "@transmute/cose below NODE_PATH")
else:
    for i in range(size()):
        tap.is_(receipt(i), [0, 1], "the receipt of entry %d, and of no other" % i)
    n = len(read(log, "receipt/3.cose"))
    for at in 12, 40, 60, n - 1:
        tap.is_(receipt(3, at)[0], 1, "refused: byte %d of a receipt changed" % at)

go = checker()
if go is None:
    tap.diag("SKIP the checks with Go's library: apt-get install golang-go "
             "golang-golang-x-mod-dev")
    tap.done()


def says(*argv):
    p = run(go, *argv)
    return p.returncode, p.stdout.decode() + p.stderr.decode()


for top in first, second, third, log:
    tap.is_(says(top), (0, "%d entries\n" % size(top)),
            "Go's library proves every entry of %s" % os.path.basename(top))
# the same key signed both of the newest, so that one key checks both
add(BLOCKS - size(), 30)
tap.ok(caught_up() and size() >= BLOCKS, "a log of more than one tile")
old = os.path.join(v.dir, "old-checkpoint")
shutil.copy(third + "/checkpoint", old)
code, text = says(log, old)
tap.ok(code == 0 and "grown from %d" % size(third) in text,
       "and that it has only grown: %s" % text.strip())
tap.is_(sorted(os.listdir(log + "/tile/0")), ["000", "001.p"],
        "whole and partial tiles are listed")
last = copy("last")
tap.is_(says(last, old)[0], 0, "a copy of it is as good")


def changed(path, at):
    """The checker's exit code with one bit of that file changed."""
    name = os.path.join(last, path)
    os.chmod(name, 0o644)
    good = read(name)
    with open(name, "wb") as f:
        f.write(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
    code = says(last, old)[0]
    with open(name, "wb") as f:
        f.write(good)
    return code


width = size(last) - 256
for path, at in ("tile/0/000", 7), ("tile/0/000", 8191), \
        ("tile/1/000.p/1", 0), ("tile/0/001.p/%d" % width, 32 * width - 1), \
        ("tile/entries/000", 3), ("tile/entries/001.p/%d" % width, 100), \
        ("checkpoint", 80), ("checkpoint", 100), ("vkey", 90):
    tap.is_(changed(path, at), 1, "refused: byte %d of %s changed" % (at, path))
tap.is_(says(last, old)[0], 0, "and accepted as it was")
# Another history under the same key would be found out by the old checkpoint;
# the nearest thing to one that we can have is another size's root.
forged = read(old).replace(b"\n%d\n" % size(third), b"\n%d\n" % (size(third) - 1))
with open(old, "wb") as f:
    f.write(forged)
tap.is_(says(last, old)[0], 1, "refused: an older checkpoint that was changed")
tap.done()
