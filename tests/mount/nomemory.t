#!/usr/bin/python3
"""No memory, again and again, while the mount is worked on: an operation may
fail for it, and nothing else may happen.  The daemon stays, nothing that was
acknowledged is lost, and all goes on when there is memory."""
import errno
import mmap
import os
import random
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import BUILD, NOTARYFS, VERIFY, Tap, Vault, alive, listing, need_fuse, run, skip_all, wait_for

need_fuse()
LIB = os.path.join(BUILD, "tests/libnomemory.so")
if not os.path.exists(LIB):
    skip_all("a build with sanitizers has memory of its own")
t = Tap()
seed = int(os.environ.get("TEST_SEED", random.randrange(1 << 30)))
r = random.Random(seed)
t.diag("TEST_SEED=%d" % seed)
v = Vault(settle="500ms")
with open(v.dir + "/says", "wb") as f:
    f.write(bytes(16))
says = mmap.mmap(os.open(v.dir + "/says", os.O_RDWR), 16)
MAY = {errno.ENOMEM, errno.EIO, errno.EAGAIN, errno.ENOBUFS}


def one_of(n):
    says[:8] = struct.pack("<Q", n)


def failed():
    return struct.unpack("<Q", says[8:])[0]


os.environ["LD_PRELOAD"], os.environ["NOMEMORY"] = LIB, v.dir + "/says"
os.environ["NOMEMORY_TRACE"] = v.dir + "/trace"
v.mount()
del os.environ["LD_PRELOAD"]
pid = v.daemon_pid()
acked, either, sealed, odd, refused = {}, {}, {}, [], 0
made = ("mkdir", "create")      # it may be there although its maker was told of no memory


def attempt(what, fn, *argv):
    """Its answer; None if there was no memory for it."""
    global refused
    try:
        return fn(*argv)
    except OSError as e:
        refused += 1
        if e.errno not in MAY and not (e.errno == errno.EEXIST and what in made):
            odd.append("%s: %s" % (what, e))
        return None


def write(path, data):
    """What fsync acknowledged is there from then on."""
    fd = attempt("create", os.open, path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    if fd is None:
        return False
    n = 0
    while n < len(data):
        k = attempt("write", os.write, fd, data[n:])
        if k is None:
            break
        n += k
    done = n == len(data) and attempt("fsync", lambda: os.fsync(fd) or True)
    attempt("close", os.close, fd)
    return done


def read(path):
    with open(path, "rb") as f:
        return f.read()


def work(n):
    for i in range(n):
        path = os.path.join(v.mnt, "d%d" % r.randrange(4))
        if not os.path.isdir(path):
            attempt("mkdir", os.mkdir, path)
        name = os.path.join(path, "f%06d" % r.randrange(10**6))
        data = r.randbytes(r.choice((0, 1, 4096, 5000, 70000)))
        if name in acked:
            continue
        if write(name, data):
            acked[name] = data
        k = r.randrange(9)
        some = r.choice(sorted(acked)) if acked else name
        if k == 0:
            attempt("listdir", os.listdir, path)
        elif k == 1 and attempt("setxattr", lambda: os.setxattr(some, "user.notary.seal", b"1") or True):
            sealed[some] = acked.get(some)
        elif k == 2:
            attempt("getxattr", os.getxattr, some, "user.notary.state") if some in acked else None
        elif k == 3:
            attempt("utime", os.utime, name) if name in acked else None
        elif k == 4:
            attempt("chmod", os.chmod, name, 0o600) if name in acked else None
        elif k == 5 and name in acked and name not in sealed:
            data = acked.pop(name)
            if attempt("rename", lambda: os.rename(name, name + ".moved") or True):
                acked[name + ".moved"] = data
            else:       # it may have been, and the answer got lost
                either[name] = data
        elif k == 6:
            attempt("read", read, name) if name in acked else None
        elif k == 7:
            attempt("status", read, v.mnt + "/.notary/status")


for rate in (3000, 300, 60, 15):
    before, was = failed(), refused
    one_of(rate)
    work(150)
    time.sleep(0.6)     # what is due is sealed now, with no more memory than that
    one_of(0)
    if not t.ok(alive(pid) and v.mounted(), "one of %d fails: the daemon is there" % rate):
        t.diag(open(v.dir + "/trace").read() if os.path.exists(v.dir + "/trace") else "it ended by itself" + v.log()[-2000:])
        break
    t.diag("%d allocations failed, %d operations for it" % (failed() - before, refused - was))
    for p, data in either.items():
        there = [x for x in (p, p + ".moved") if os.path.exists(x)]
        acked[there[0] if len(there) == 1 else p + " or .moved"] = data
    either.clear()
    wrong = ["%s %s" % (p, attempt("at the end", read, p)) for p, data in acked.items() if attempt("at the end", read, p) != data]
    t.is_(wrong, [], "all that was acknowledged is there")
t.ok(failed() > 50, "%d allocations failed in all" % failed())
t.is_(odd, [], "no operation failed for another reason")
t.ok(len(acked) > 100, "%d files were acknowledged" % len(acked))
run(NOTARYFS, "seal", "-r", v.mnt)
p = run(NOTARYFS, "wait", v.mnt, "--timeout", "300s")
t.ok(p.returncode == 0, "with memory all becomes final") or t.diag(p.stderr.decode() + v.log()[-3000:])
want = listing(v.mnt)
p = run(NOTARYFS, "umount", v.mnt)
t.is_(p.returncode, 0, "it unmounts")
p = run(NOTARYFS, "audit", v.path)
t.ok(p.returncode == 0, "audit is clean") or t.diag((p.stdout + p.stderr).decode())
out = v.dir + "/restored"
p = run(NOTARYFS, "restore", "--anchor", v.anchor, out, *v.buckets()[3:])
t.ok(p.returncode == 0, "restored") or t.diag((p.stdout + p.stderr).decode())
got = listing(out, (out + "/.certs",))
t.is_({k for k in set(want) | set(got) if want.get(k) != got.get(k)}, set(), "as it was")
t.done()
