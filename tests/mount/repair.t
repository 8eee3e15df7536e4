#!/usr/bin/python3
"""scrub finds each kind of damage and says where; repair puts it right, with
the bytes that were there, keeps what was damaged, and may be killed."""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import NOTARYFS, Tap, Vault, drop, listing, need_fuse, run, wait_for

need_fuse()
t = Tap()
v = Vault()
b = v.buckets()
files = os.path.join(v.path, "files")
LARGE = 70 << 20


def text(p):
    return (p.stdout + p.stderr).decode()


def free(path):
    """Damage does not ask for the immutable flag."""
    subprocess.run(["chattr", "-R", "-f", "-i", path], stderr=subprocess.DEVNULL)


def tree(folder):
    out = {}
    for d, _, names in os.walk(folder):
        for n in names:
            p = os.path.join(d, n)
            if os.path.relpath(p, folder).startswith("+"):
                continue
            with open(p, "rb") as f:
                out[os.path.relpath(p, folder)] = f.read()
    return out


def keys(bucket, kind):
    d = os.path.join(bucket, v.anchor, kind)
    return [os.path.join(d, n) for n in sorted(os.listdir(d))]


def largest(bucket, kind):
    return max(keys(bucket, kind), key=os.path.getsize)


def flip(path, at):
    free(path)
    os.chmod(path, 0o644)
    with open(path, "r+b") as f:
        f.seek(at, os.SEEK_SET if at >= 0 else os.SEEK_END)
        c = f.read(1)
        f.seek(-1, os.SEEK_CUR)
        f.write(bytes([c[0] ^ 1]))


def scrub(*more):
    p = run(NOTARYFS, "scrub", v.path, "--json", *more)
    try:
        return p.returncode, json.loads(p.stdout)
    except ValueError:
        return p.returncode, {"objects": [], "plain": [], "text": text(p)}


def repair(*more):
    return run(NOTARYFS, "repair", v.path, *more)


# -- a vault with all kinds of things in it
v.mount()
m = v.mnt
os.makedirs(os.path.join(m, "deep/er"))
for i in range(40):
    with open(os.path.join(m, "deep/f%02d" % i), "wb") as f:
        f.write(os.urandom(3000 * i))
with open(os.path.join(m, "large"), "wb") as f:
    f.write(os.urandom(1 << 20))
    f.seek(LARGE - 3)
    f.write(b"end")
with open(os.path.join(m, "deep/er/one"), "w") as f:
    f.write("one\n")
os.chmod(os.path.join(m, "deep/er/one"), 0o640)
os.link(os.path.join(m, "deep/er/one"), os.path.join(m, "two"))
os.symlink("deep/er/one", os.path.join(m, "soft"))
run(NOTARYFS, "seal", "-r", m, check=True)
run(NOTARYFS, "wait", m, check=True)
code, j = scrub()
t.is_((code, j.get("result")), (0, "clean"), "a mounted vault is scrubbed, and is clean")
v.umount()
good = [tree(x) for x in b]
plain, plain_listing = tree(files), listing(files)


def whole(what, listed=True):
    """Everything is as it was: buckets, plain files, audit."""
    now = [tree(x) for x in b]
    t.ok(all(all(n.get(k) == g[k] for k in g) for n, g in zip(now, good)), what + ": every object has its bytes")
    t.ok(tree(files) == plain and (not listed or listing(files) == plain_listing), what + ": every plain file is as it was")
    p = run(NOTARYFS, "audit", v.path)
    if not t.is_(p.returncode, 0, what + ": audit is clean"):
        t.diag(text(p))


def mended(what, kind, want, *more):
    """Damage is found and told, left alone by --dry-run, and put right."""
    code, j = scrub()
    found = sorted((o["key"][:1], o["state"]) for o in j["objects"])
    t.is_((code, found), (1, sorted(want)), what + ": scrub tells it")
    before = [tree(x) for x in b]
    t.is_(repair("--dry-run", *more).returncode, 1, what + ": so does --dry-run")
    t.ok(before == [tree(x) for x in b], what + ": and changes nothing")
    p = repair(*more)
    if not t.is_(p.returncode, 0, what + ": repaired"):
        t.diag(text(p))
    whole(what)


pack = [largest(x, "p") for x in b]
flip(pack[0], -2000)
flip(pack[4], -2000)
mended("a flipped byte in two shares", "p", [("p", "damaged")] * 2)
t.is_(len(os.listdir(os.path.join(b[0], "+damaged"))), 1, "what was damaged is kept")
flip(pack[1], 200)
mended("META in clear", "p", [("p", "damaged")])
flip(pack[5], 20)
mended("a share's header", "p", [("p", "damaged")])
free(pack[2])
os.truncate(pack[2], 1000)
mended("a truncated share", "p", [("p", "damaged")])
free(pack[2])
os.truncate(pack[2], 0)
free(pack[3])
os.unlink(pack[3])
mended("an empty and a missing share", "p", [("p", "damaged"), ("p", "missing")])
extent = largest(b[1], "c")
flip(extent, 5000)
mended("an extent of a large file", "c", [("c", "damaged")])
number = keys(b[2], "a")
flip(number[-1], 50)
free(number[1])
os.truncate(number[1], 0)
free(number[2])
os.unlink(number[2])
mended("numbers", "a", [("a", "damaged"), ("a", "damaged"), ("a", "missing")])
genesis = os.path.join(b[3], v.anchor, "genesis")
flip(genesis, 100)
mended("block zero", "g", [("g", "damaged")])

# every share has lost another stripe: each is needed to mend the others
flip(pack[0], -70000)
for i in range(1, 6):
    flip(pack[i], -300 - 7 * i if i % 2 else -70000 - 5)
code, j = scrub()
t.ok(code == 1 and len(j["objects"]) == 6, "all six shares damaged: told")
p = repair()
t.is_(p.returncode, 0, "and repaired, here from the plain files at the latest")
whole("all six shares damaged")

# fewer than three good ones, and the plain file has it
for i in range(4):
    free(pack[i])
    os.unlink(pack[i])
p = repair()
if not t.is_(p.returncode, 0, "two shares and the plain files are enough"):
    t.diag(text(p))
whole("two shares left")

# -- a bucket that is gone
drop(b[4])
code, j = scrub()
t.is_(code, 2, "a bucket that is gone cannot be checked")
p = repair()
t.ok(p.returncode == 2 and "--fill " + b[4] in text(p), "repair says how to fill another")
os.mkdir(b[4])
p = repair()
t.ok(p.returncode == 2 and "is its disk mounted?" in text(p) and os.listdir(b[4]) == [],
     "an empty folder is left alone: its disk may be away")
t.is_(repair("--fill", os.path.join(v.dir, "other")).returncode, 1, "--fill of what is no bucket is refused")

# killed in the middle of filling, several times
kills = 0
for ms in (60, 120, 200, 300, 450):
    p = subprocess.Popen([NOTARYFS, "repair", v.path, "--fill", b[4]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(ms / 1000)
    kills += p.poll() is None
    p.kill()
    p.wait()
t.ok(kills > 0, "repair was killed in the middle, %d times" % kills)
p = repair("--fill", b[4])
if not t.is_(p.returncode, 0, "and run again fills the bucket"):
    t.diag(text(p))
whole("a bucket filled")

# -- plain files
def damage_plain():
    free(files)
    flip(os.path.join(files, "deep/f20"), 777)
    os.truncate(os.path.join(files, "deep/f21"), 10)
    with open(os.path.join(files, "deep/f22"), "ab") as f:
        f.write(b"more")
    os.unlink(os.path.join(files, "deep/f23"))
    flip(os.path.join(files, "large"), LARGE - 2)
    flip(os.path.join(files, "deep/er/one"), 1)
    os.unlink(os.path.join(files, "soft"))
    os.chmod(os.path.join(files, "deep/f24"), 0o600)
    os.utime(os.path.join(files, "deep/f25"), (1, 1))


damage_plain()
code, j = scrub()
t.is_((code, sorted((o["path"], o["state"]) for o in j["plain"])), (1, [
    ("deep/er/one", "damaged"), ("deep/f20", "damaged"), ("deep/f21", "damaged"), ("deep/f22", "damaged"),
    ("deep/f23", "missing"), ("deep/f24", "attributes"), ("deep/f25", "attributes"), ("large", "damaged"),
    ("soft", "missing")]), "plain files: scrub tells which and what")
kills = 0
for ms in (100, 200, 300, 400):
    p = subprocess.Popen([NOTARYFS, "repair", v.path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(ms / 1000)
    kills += p.poll() is None
    p.kill()
    p.wait()
p = repair()
if not t.is_(p.returncode, 0, "plain files are made again, after %d kills" % kills):
    t.diag(text(p))
whole("plain files", listed=False)
now = listing(files)
t.is_([k for k in plain_listing if k not in ("deep", ".") and now.get(k) != plain_listing[k]], [],
      "with their modes, times and links")
kept = os.path.join(v.path, "damaged/files/deep/f21")
t.ok(os.path.exists(kept) and os.path.getsize(kept) == 10, "the damaged one is kept")
free(files)
shutil.rmtree(os.path.join(files, "deep"))
p = repair()
if not t.is_(p.returncode, 0, "a whole folder that is gone is made again"):
    t.diag(text(p))
whole("a folder", listed=False)

# -- beside a daemon
v.mount()
flip(pack[0], -2000)
free(pack[1])
os.unlink(pack[1])
flip(os.path.join(files, "deep/f30"), 5)
p = repair()
t.ok(p.returncode == 2 and "unmount the vault" in text(p), "in a mounted vault buckets are repaired, and it says what is left")
t.ok(b"2 put right" not in p.stdout and p.stdout.count(b"1 put right") == 2, "in each of the two buckets")
with open(os.path.join(m, "more"), "w") as f:
    f.write("it goes on\n")
t.is_(run(NOTARYFS, "wait", os.path.join(m, "more")).returncode, 0, "the mount goes on")
v.umount()
t.is_(repair().returncode, 0, "unmounted, the rest is repaired")
t.is_(run(NOTARYFS, "audit", v.path).returncode, 0, "audit is clean")
t.is_(v.mount().returncode, 0, "it mounts again")
t.is_(run(NOTARYFS, "verify", os.path.join(m, "deep/f30"), os.path.join(m, "large"), os.path.join(m, "two")).returncode, 0, "and its files are valid")
v.umount()
begin = time.monotonic()
code, j = scrub("--rate", "100M")
t.ok(code == 0 and time.monotonic() - begin >= j["read"] / 100e6 * 0.9, "a rate is kept")
out = os.path.join(v.dir, "restored")
t.is_(run(NOTARYFS, "restore", "--anchor", v.anchor, out, b[0], b[1], b[4]).returncode, 0, "restore from mended buckets")
t.is_(run("diff", "-r", "--no-dereference", "-x", ".certs", files, out).returncode, 0, "gives the same tree")
os.rename(b[0], b[0] + "x")
os.rename(b[1], b[0])
os.rename(b[0] + "x", b[1])
p = repair()
t.ok(p.returncode == 1 and "in order" in text(p), "buckets that changed places are not repaired")
v.close()
t.done()
