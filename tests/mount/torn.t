#!/usr/bin/python3
"""The last write before a power cut, torn: for each file that is appended to or
written over (the table in fs/DESIGN.md), whatever part of it is on the disk."""
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import NOTARYFS, Tap, Vault, alive, drop, need_fuse, run, wait_for

need_fuse()
t = Tap()
v = Vault(settle="500ms")
r = random.Random(7)
state = os.path.join(v.path, "state")
db = os.path.join(state, "notary.db")
aside = os.path.join(v.dir, "aside")
PAGE = 4096
whole = {}      # name -> content, sealed and acknowledged


def kill():
    pid = v.daemon_pid()
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not alive(pid))


def mount(words):
    p = run(NOTARYFS, "mount", v.path, v.mnt)
    if not t.is_(p.returncode, 0, words + ": it mounts"):
        t.diag((p.stdout + p.stderr).decode() + v.log()[-2000:])
    return p.returncode == 0


def is_sealed(name):
    return os.getxattr(os.path.join(v.mnt, name), "user.notary.state") in (b"sealed", b"notarized")


def seal(name, data):
    with open(os.path.join(v.mnt, name), "wb") as f:
        f.write(data)
    os.setxattr(os.path.join(v.mnt, name), "user.notary.seal", b"1")
    wait_for(lambda: is_sealed(name))


def held(words):
    bad = []
    for name, data in whole.items():
        with open(os.path.join(v.mnt, name), "rb") as f:
            if f.read() != data or not is_sealed(name):
                bad.append(name)
    t.is_(bad, [], words + ": all that was sealed is, and whole")


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data, at=None):
    with open(path, "r+b" if at is not None else "wb") as f:
        f.seek(at or 0)
        f.write(data)


def frames(wal):
    """The offsets of the log's frames, each with its page and whether it ends a
    commit, as long as they are of this log."""
    out, at = [], 32
    while at + 24 + PAGE <= len(wal) and wal[at + 8:at + 16] == wal[16:24]:
        page, size = struct.unpack(">II", wal[at:at + 8])
        out.append((at, page, size != 0))
        at += 24 + PAGE
    return out


# Two buckets are away: what is sealed now goes no further than the database,
# and so a commit that is lost was never answered to anybody.  A start gets both
# back, and all buckets as they were then, for it spends a number in them.
v.mount()
for i in range(8):
    whole["f%d" % i] = b"%d\n" % i * 100
    seal("f%d" % i, whole["f%d" % i])
run(NOTARYFS, "wait", v.mnt, check=True)
for b in v.buckets()[4:]:
    os.rename(b, b + ".away")
seal("late", b"late\n")
kill()
for b in v.buckets()[4:]:
    os.rename(b + ".away", b)
shutil.copytree(os.path.join(v.path, "buckets"), aside)
base, log = read(db), read(db + "-wal")
ends = [at + 24 + PAGE for at, _, commit in frames(log) if commit]
t.ok(len(ends) > 1, "the log holds several commits (%d)" % len(ends))
begin, end = ends[-2], ends[-1]


def back(wal):
    """The state and the buckets as the power cut left them."""
    for b in v.buckets():
        drop(b)
        shutil.copytree(os.path.join(aside, os.path.basename(b)), b)
    write(db, base)
    write(db + "-wal", wal)
    if os.path.exists(db + "-shm"):
        os.unlink(db + "-shm")


cuts = [0, 1, 23, 24, 25, 24 + PAGE // 2, end - begin - 1] + [r.randrange(end - begin) for _ in range(3)]
for cut in cuts:
    for tail in (b"", bytes(end - begin - cut), r.randbytes(end - begin - cut)):
        words = "the last commit's %d bytes torn after %d, then %s" % (
            end - begin, cut, "nothing" if not tail else "zeros" if not any(tail) else "noise")
        if tail and cut not in (0, 24, 24 + PAGE // 2):
            continue
        back(log[:begin + cut] + tail)
        if mount(words):
            held(words)
            kill()

# -- a checkpoint that was cut off: its pages are in the log as well
back(log)
pages = sorted({page for _, page, _ in frames(log) if (page - 1) * PAGE < len(base)})
t.ok(len(pages) > 2, "the log has pages of the database (%d)" % len(pages))
for page in pages:
    at = (page - 1) * PAGE + r.randrange(PAGE)
    write(db, r.randbytes(page * PAGE - at), at)
if mount("a checkpoint cut off in all its pages"):
    held("a checkpoint cut off in all its pages")
    t.ok(is_sealed("late"), "and the commit that the log has whole")
    kill()

# -- lines
journal, refused = os.path.join(state, "notaryfs.log"), os.path.join(state, "refused.log")
mount("another start")
try:
    os.unlink(os.path.join(v.mnt, "f0"))
except OSError:
    pass
t.ok(wait_for(lambda: os.path.exists(refused) and os.path.getsize(refused) > 0), "a refusal is noted")
kill()
for path in (journal, refused):
    line = read(path).splitlines(True)[-1]
    with open(path, "ab") as f:
        f.write(line[:len(line) // 2])
mount("half a line at the end of journal and refusals")
try:
    os.unlink(os.path.join(v.mnt, "f1"))
except OSError:
    pass


def rows():
    out = []
    for x in read(refused).splitlines():
        try:
            out.append(json.loads(x)["path"])
        except ValueError:
            out.append("half")
    return out


t.is_(wait_for(lambda: rows()[-1] == "f1" and rows()), ["f0", "half", "f1"], "the next refusal begins a line")
t.is_([x for x in read(journal).splitlines() if x.count(b"time=") > 1], [], "and so does the journal's next line")

# -- who has the vault
kill()
lock = read(os.path.join(state, "lock"))
for text in (b"", lock[:2], lock[:len(lock) // 2], b"\0" * len(lock), r.randbytes(200)):
    write(os.path.join(state, "lock"), text)
    p = run(NOTARYFS, "status", v.path)
    t.ok(p.returncode in (0, 2) and b"not mounted" in p.stdout + p.stderr, "a torn lock of %d bytes is nobody's" % len(text))
mount("a torn lock")
held("a torn lock")
v.umount("--final")

# -- a repair that had begun to write a file anew
name = os.path.join(v.path, "files/f2")
subprocess.run(["chattr", "-i", name], stderr=subprocess.DEVNULL)
write(name, b"damaged")
os.makedirs(os.path.join(v.path, "damaged/files"), exist_ok=True)
write(os.path.join(v.path, "damaged/new"), whole["f2"][:50])
p = run(NOTARYFS, "repair", v.path)
t.is_(read(name), whole["f2"], "half a file in damaged/new is begun again") or t.diag((p.stdout + p.stderr).decode())
t.ok(not os.path.exists(os.path.join(v.path, "damaged/new")), "and is no more")

# -- an object of a bucket that had begun to be written
half = os.path.join(v.buckets()[2], "+tmp")
os.makedirs(half, exist_ok=True)
half = os.path.join(half, "0123456789abcdef")
write(half, r.randbytes(1000))
mount("half an object in a bucket")
held("half an object in a bucket")
t.ok(not os.path.exists(half), "it is taken away")
v.umount("--final")
p = run(NOTARYFS, "audit", v.path)
t.is_(p.returncode, 0, "the audit is clean after all that") or t.diag((p.stdout + p.stderr).decode())
v.close()
t.done()
