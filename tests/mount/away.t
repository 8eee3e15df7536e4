#!/usr/bin/python3
"""Buckets that go away and come back, and a disk that is full: nothing is
lost, everybody is told, and all is made good without a new mount."""
import os
import random
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import NOTARYFS, Tap, Vault, drop, need_fuse, run, wait_for

need_fuse()
t = Tap()


def objects(folder):
    return sorted(os.path.relpath(os.path.join(d, f), folder)
                  for d, _, fs in os.walk(folder) for f in fs)


def write(v, name, text=b"some text\n"):
    with open(os.path.join(v.mnt, name), "wb") as f:
        f.write(text)


def final(v, name, timeout="30s"):
    return run(NOTARYFS, "wait", "--timeout", timeout, os.path.join(v.mnt, name))


def row(v, kind, name):
    return next(r for r in v.status()[kind] if r["name"] == name)


def complete(v, b):
    return wait_for(lambda: objects(b[5]) == objects(b[0]))


def text(p):
    return (p.stdout + p.stderr).decode()


# -- one bucket
v = Vault()
b = v.buckets()
aside = os.path.join(v.dir, "aside")
v.mount()
write(v, "first")
t.is_(final(v, "first").returncode, 0, "a file is final with six buckets")
v.umount()

os.rename(b[5], aside)
t.ok("is not there" in text(v.mount()), "a bucket that is away is named at mount")
write(v, "second")
t.is_(final(v, "second").returncode, 0, "five are enough")
t.ok(not row(v, "buckets", b[5])["ok"], "status says which is away")
os.rename(aside, b[5])
t.ok(complete(v, b), "back, it gets what it lacks, without a new mount")
t.ok(wait_for(lambda: row(v, "buckets", b[5])["ok"]), "and status says so")
t.ok(wait_for(lambda: "event=bucket-works bucket=%s " % b[5] in v.log()), "and the journal")

os.rename(b[5], aside)
had = objects(aside)
os.mkdir(b[5])
write(v, "third")
t.is_(final(v, "third").returncode, 0, "the bucket's disk goes away under the mount")
t.is_(objects(aside), had, "the folder that was moved away is left alone")
t.is_(os.listdir(b[5]), [], "nothing is written into the empty mount point")
t.ok("is its disk mounted?" in row(v, "buckets", b[5])["error"], "status asks for the disk")
t.ok(wait_for(lambda: "event=bucket-failed bucket=%s msg=\"the folder holds nothing" % b[5] in v.log()), "so does the journal")
v.umount()
t.ok("is its disk mounted?" in text(v.mount()), "a new mount asks again")
write(v, "fourth")
final(v, "fourth")
t.is_(os.listdir(b[5]), [], "and does not write there either")
os.rmdir(b[5])
os.rename(aside, b[5])
t.ok(complete(v, b), "back, it gets all it lacks")

# -- two buckets
for i in (4, 5):
    os.rename(b[i], aside + str(i))
write(v, "fifth")
p = final(v, "fifth", "3s")
t.is_(p.returncode, 2, "with four buckets nothing becomes final")
t.ok("fewer than the 5 buckets" in text(p) and b[4] in text(p), "wait names the reason and the buckets")
waits = subprocess.Popen([NOTARYFS, "wait", v.mnt + "/fifth"], stderr=subprocess.PIPE)
said = b""
while waits.poll() is None and b"goes on when that works again" not in said:
    said += waits.stderr.readline()
t.ok(b"fewer than the 5 buckets" in said and waits.poll() is None, "without a limit it names them too, and goes on")
for i in (4, 5):
    os.rename(aside + str(i), b[i])
t.is_((waits.wait(60), waits.stderr.read()), (0, b""), "until they are back")
waits.stderr.close()
t.is_(final(v, "fifth").returncode, 0, "back, all becomes final")
t.ok(complete(v, b), "in every bucket")
v.umount()
p = run(NOTARYFS, "audit", v.path)
t.is_(p.returncode, 0, "an audit finds nothing wrong")

# -- two buckets, again and again, and somebody writes all the while
class Writer(threading.Thread):
    """Files that fsync has answered for, until it is told to stop."""

    def __init__(self, top):
        super().__init__(daemon=True)
        self.top, self.stop, self.kept, self.error = top, False, {}, None

    def run(self):
        r = random.Random(5)
        while not self.stop:
            name, data = "w%d" % len(self.kept), r.randbytes(r.choice((1, 900, 5000, 200000)))
            try:
                with open(os.path.join(self.top, name), "wb") as f:
                    f.write(data)
                    f.flush()
                    os.fsync(f.fileno())
            except OSError as e:
                self.error = e.strerror
                return
            self.kept[name] = data


v.mount()
w = Writer(v.mnt)
w.start()
for i, j in ((4, 5), (0, 3), (1, 2)):
    before = len(w.kept)
    wait_for(lambda: len(w.kept) > before + 5)
    for k in (i, j):
        os.rename(b[k], aside + str(k))
    before = len(w.kept)
    t.ok(wait_for(lambda: len(w.kept) > before + 5 or w.error), "buckets %d and %d go away, and writing goes on" % (i, j))
    t.ok(wait_for(lambda: not row(v, "buckets", b[i])["ok"] and not row(v, "buckets", b[j])["ok"]
                  and v.status()["files"]["sealed"] > 0), "status says which, and what is not final")
    for k in (i, j):
        os.rename(aside + str(k), b[k])
w.stop = True
w.join(30)
t.is_(w.error, None, "the writer was told of no error")
p = run(NOTARYFS, "umount", "--final", v.mnt)
t.is_(p.returncode, 0, "all becomes final") or t.diag(text(p))
p = run(NOTARYFS, "audit", v.path)
t.is_(p.returncode, 0, "an audit finds nothing wrong") or t.diag(text(p))
out = os.path.join(v.dir, "out")
p = run(NOTARYFS, "restore", "--anchor", v.anchor, out, b[1], b[4], b[3])
t.is_(p.returncode, 0, "any three restore") or t.diag(text(p))
lost = [n for n in w.kept if not os.path.exists(os.path.join(out, n)) or open(os.path.join(out, n), "rb").read() != w.kept[n]]
t.is_(lost, [], "all that fsync answered for, %d files" % len(w.kept))

# -- a new, empty disk for one that is gone for good
drop(b[3])
os.makedirs(os.path.join(b[3], v.anchor))
run("cp", os.path.join(b[2], v.anchor, "genesis"), os.path.join(b[3], v.anchor), check=True)
t.ok("is not there" not in text(v.mount()), "an empty bucket with the chain's genesis is taken")
write(v, "sixth")
final(v, "sixth")
t.ok(wait_for(lambda: len(objects(b[3])) > 2), "and written to")
v.umount()
p = run(NOTARYFS, "audit", v.path)
t.ok(p.returncode == 1 and b[3] + ": " in text(p) and "missing" in text(p), "audit counts what it will never have")

# -- in the wrong order
os.rename(b[0], aside)
os.rename(b[1], b[0])
os.rename(aside, b[1])
p = run(NOTARYFS, "mount", v.path, v.mnt)
t.is_(p.returncode, 1, "two buckets that changed places are not mounted")
t.ok("it holds share 1" in text(p) and "in order" in text(p), "and it says what to do")
os.rename(b[0], aside)
os.rename(b[1], b[0])
os.rename(aside, b[1])
state = objects(os.path.join(b[0]))
os.mkdir(os.path.join(v.mnt, "something"))
p = run(NOTARYFS, "mount", v.path, v.mnt)
t.ok(p.returncode == 1 and "not empty" in text(p), "a mount point that is not empty is refused")
t.is_(objects(b[0]), state, "before any number is spent")
os.rmdir(os.path.join(v.mnt, "something"))

# -- lost state
db = os.path.join(v.path, "state/notary.db")
os.rename(db, aside)
p = run(NOTARYFS, "mount", v.path, v.mnt)
t.ok(p.returncode == 1 and "notaryfs restore --anchor " + v.anchor in text(p), "without notary.db mount says what is left to do")
os.rename(aside, db)
key = os.path.join(v.path, "state/keys/timestamp")
os.chmod(key, 0o640)
t.ok("chmod 600" in text(run(NOTARYFS, "mount", v.path, v.mnt)), "a key that others can read is refused, with the cure")
os.chmod(key, 0o600)
run("cp", "-p", db, aside, check=True)
os.rename(aside, db)
p = run(NOTARYFS, "mount", v.path, v.mnt)
t.ok(p.returncode == 1 and "was copied" in text(p) and "--moved" in text(p), "a copied vault is told from the first one, and refused")
t.is_(v.mount("--moved").returncode, 0, "until somebody says that it is the only one")
v.umount()
t.is_(v.mount().returncode, 0, "once")
v.close()


# -- a full disk
def full_disk():
    disk = Vault(init=False)
    at = os.path.join(disk.dir, "disk")
    os.mkdir(at)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", at],
                      stderr=subprocess.DEVNULL).returncode != 0:
        t.ok(True, "a full disk # SKIP cannot mount a tmpfs")
        return
    disk.path = os.path.join(at, "vault")
    try:
        run(NOTARYFS, "init", disk.path, "--settle", "500ms", check=True)
        disk.mount()
        fill_up(disk, at)
        disk.umount()
        t.is_(run(NOTARYFS, "audit", disk.path).returncode, 0, "an audit finds nothing wrong after a full disk")
    finally:
        subprocess.run(["umount", disk.mnt], stderr=subprocess.DEVNULL)
        wait_for(lambda: subprocess.run(["umount", at], stderr=subprocess.DEVNULL).returncode == 0)
        disk.close()


def fill_up(disk, at):
    """Somebody else takes the last byte while files settle."""
    ballast, reserve = os.path.join(at, "ballast"), os.path.join(disk.path, "state/reserve")
    wait_for(lambda: os.path.exists(reserve) and os.stat(reserve).st_blocks * 512 >= 4 << 20)
    kept = {}
    for i in range(30):
        name, data = "file%d" % i, os.urandom(20000)
        with open(os.path.join(disk.mnt, name), "wb") as f:
            f.write(data)
        kept[name] = data
    with open(ballast, "wb", buffering=0) as f:
        try:
            while True:
                f.write(bytes(1 << 16))
        except OSError:
            pass
    try:
        write(disk, "late", os.urandom(20000))
        t.ok(False, "a writer is told that the disk is full")
    except OSError as e:
        t.is_(e.strerror, "No space left on device", "a writer is told that the disk is full")
    t.ok(wait_for(lambda: not row(disk, "services", "sealing")["ok"]
                  or not row(disk, "services", "buckets")["ok"]), "status says that files cannot go on")
    p = run(NOTARYFS, "wait", "--timeout", "1s", disk.mnt)
    t.ok(p.returncode == 2 and "No space left" in text(p), "wait gives the reason")
    os.unlink(ballast)
    for name, data in kept.items():
        if final(disk, name).returncode != 0:
            t.ok(False, "%s becomes final when there is room" % name)
            return
        with open(os.path.join(disk.mnt, name), "rb") as f:
            if f.read() != data:
                t.ok(False, "%s is as it was written" % name)
                return
    t.ok(kept, "all that was taken is final when there is room, and as it was written")
    t.ok(wait_for(lambda: row(disk, "services", "sealing")["ok"]), "and status says so")
    t.ok(disk.log().count("cannot seal") < 5, "the journal is not flooded")


full_disk()
t.done()
