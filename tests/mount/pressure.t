#!/usr/bin/python3
"""Back-pressure: when more is sealed than the buckets take, writers are held
back a little at each step, never refused; readers are not; and it ends when
the buckets have caught up."""
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import NOTARYFS, Tap, Vault, need_fuse, run, wait_for

HELD = 3.0      # seconds: how long a writer is held at most (FULL_MS)
need_fuse()
t = Tap()
v = Vault()
b = v.buckets()
count = 0


def write():
    """A small new file: what it took."""
    global count
    count += 1
    began = time.monotonic()
    with open(os.path.join(v.mnt, "w%d" % count), "wb", buffering=0) as f:
        f.write(b"%d\n" % count)
    return time.monotonic() - began


def timed(fn, *args):
    began = time.monotonic()
    fn(*args)
    return time.monotonic() - began


def backlog():
    return v.status()["backlog"]


v.mount("-o", "backlog_files=5")
fast = max(write() for _ in range(5))
t.ok(fast < HELD / 2, "with room in the backlog writers are not held")
run(NOTARYFS, "seal", "-r", v.mnt, check=True)
run(NOTARYFS, "wait", v.mnt, check=True)
for i in (4, 5):
    os.rename(b[i], b[i] + ".away")
for _ in range(10):
    write()
run(NOTARYFS, "seal", "-r", v.mnt, check=True)
t.ok(wait_for(lambda: backlog()["files"] > 5), "four buckets: the backlog grows over its limit")
slow = wait_for(lambda: (lambda s: s if s > HELD * 0.8 else 0)(write()))
t.ok(slow, "then writers are held back")
t.ok(slow < HELD + 2, "but not for long: %.1f s for making and writing a file" % slow)

# while a writer is held, nobody else is
held = threading.Thread(target=write)
held.start()
time.sleep(0.2)
t.ok(timed(os.listdir, v.mnt) < 1, "folders are listed meanwhile")
t.ok(timed(lambda: open(os.path.join(v.mnt, "w1"), "rb").read()) < 1, "files are read")
t.ok(timed(os.stat, os.path.join(v.mnt, "w2")) < 1, "attributes are told")
t.ok(timed(backlog) < 1, "so is the status")
t.ok(held.is_alive(), "and the writer was still held then")
held.join(60)

# it ends at once when the buckets have caught up: also for who is held
many = [threading.Thread(target=write) for _ in range(8)]
for x in many:
    x.start()
for i in (4, 5):
    os.rename(b[i] + ".away", b[i])
for x in many:
    x.join(60)
t.ok(not any(x.is_alive() for x in many), "eight held writers go on")
t.ok(wait_for(lambda: backlog()["files"] <= 5), "the buckets are back: the backlog drains")
t.ok(wait_for(lambda: write() < HELD / 2), "and writers are not held any more")

# a vault whose writers are held can be unmounted
for i in (4, 5):
    os.rename(b[i], b[i] + ".away")
for _ in range(8):
    write()
run(NOTARYFS, "seal", "-r", v.mnt, check=True)
wait_for(lambda: backlog()["files"] > 5)
with open(os.path.join(v.mnt, "open"), "wb", buffering=0) as f:
    x = threading.Thread(target=lambda: f.write(b"held\n"))
    x.start()
    x.join(60)
t.ok(timed(v.umount) < 30, "it unmounts with a full backlog")
for i in (4, 5):
    os.rename(b[i] + ".away", b[i])
v.mount()
run(NOTARYFS, "seal", "-r", v.mnt, check=True)
p = run(NOTARYFS, "wait", v.mnt)
t.is_(p.returncode, 0, "all that was taken becomes final")
t.is_(len(os.listdir(v.mnt)), count + 1, "no file is missing")
v.umount()
t.is_(run(NOTARYFS, "audit", v.path).returncode, 0, "audit is clean")
v.close()
t.done()
