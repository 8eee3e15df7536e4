#!/usr/bin/python3
"""Numbers that no block has: each recovery and hand-over spends one, and the
buckets must have them all, or nobody can judge what follows."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import NOTARYFS, Tap, Vault, alive, need_fuse, run, wait_for

need_fuse()
t = Tap()
v = Vault()


def numbers(bucket):
    return sorted(f for d, _, fs in os.walk(bucket) for f in fs if os.path.basename(d) == "a")


def mount_and_kill():
    v.mount()
    pid = v.daemon_pid()
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not alive(pid))


def whole(what):
    for b in v.buckets():
        have = [int(x, 16) for x in numbers(b)]
        if not t.ok(have == list(range(len(have))), "%s: no number is missing in bucket %s" % (what, os.path.basename(b))):
            t.diag(have)
    p = run(NOTARYFS, "audit", v.path)
    if not t.is_(p.returncode, 0, "%s: the audit is clean" % what):
        t.diag(p.stderr.decode())


v.mount()
v.umount()
whole("a start and an end")
mount_and_kill()
v.mount()
v.umount()
whole("killed, recovered, ended without a file")
for i in range(3):
    mount_and_kill()
v.mount()
with open(os.path.join(v.mnt, "file"), "wb") as f:
    f.write(b"after it all\n")
t.is_(run(NOTARYFS, "wait", "--timeout", "300s", v.mnt + "/file").returncode, 0, "a file is final after three recoveries in a row")
v.umount()
whole("killed three times in a row")
out = os.path.join(v.dir, "out")
p = run(NOTARYFS, "restore", "--anchor", v.anchor, out, *v.buckets()[3:])
t.ok(p.returncode == 0 and os.path.exists(os.path.join(out, "file")), "and it is restored from three buckets")
t.done()
