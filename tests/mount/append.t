#!/usr/bin/python3
"""Class append: what is sealed of a file stays, more may come behind it.  Every
growth has a certificate, and a restore gives the whole."""
import errno
import glob
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import vaultkit as kit

kit.need_fuse()
tap = kit.Tap()


def err(f, *a, **k):
    """None, or the name of the errno that f ends with."""
    try:
        r = f(*a, **k)
        if isinstance(r, int) and not isinstance(r, bool):
            os.close(r)
        return None
    except OSError as e:
        return errno.errorcode[e.errno]


def attr(path, name):
    try:
        return os.getxattr(path, "user.notary." + name).decode()
    except OSError as e:
        return errno.errorcode[e.errno]


def wait(path):
    kit.run(kit.NOTARYFS, "wait", "--timeout", "300s", path, check=True)


def add(path, data):
    with open(path, "ab") as f:
        f.write(data)


def bucket_dirs(v, n):
    return v.buckets()[:n]


def verified(v, data, cert):
    """Does the certificate prove these bytes, with the anchor and nothing else?"""
    d = v.dir + "/offline"
    os.makedirs(d, exist_ok=True)
    with open(d + "/f", "wb") as f:
        f.write(data)
    with open(d + "/f.cert", "wb") as f:
        f.write(cert)
    return kit.run(kit.VERIFY, "--anchor", v.anchor, d + "/f").returncode == 0


def read(path):
    with open(path, "rb") as f:
        return f.read()


v = kit.Vault(settle="500ms")
with open(v.path + "/notaryfs.conf", "a") as f:
    f.write("bind = /log log\n")
v.mount()
log = v.mnt + "/log"
os.mkdir(log)
a = log + "/a.log"

# -- while nothing is sealed it is a file like any other
with open(a, "wb") as f:
    f.write(b"x" * 100)
    f.seek(10)
    f.write(b"y")
    f.truncate(50)
tap.is_(attr(a, "class"), "append", "the preset log says append")
wait(a)
one = read(a)
tap.is_(attr(a, "state"), "notarized", "it settles and is sealed")
cert1 = read(a + ".cert")
tap.ok(verified(v, one, cert1), "its certificate holds offline")

# -- 3.6: each way to change what is sealed
for flags, what in ((os.O_WRONLY, "O_WRONLY"), (os.O_RDWR, "O_RDWR"),
                    (os.O_WRONLY | os.O_TRUNC, "O_TRUNC"),
                    (os.O_WRONLY | os.O_APPEND | os.O_TRUNC, "O_APPEND|O_TRUNC")):
    tap.is_(err(os.open, a, flags), "EPERM", "open " + what)
tap.is_(err(os.truncate, a, 10), "EPERM", "truncate below its length")
tap.is_(err(os.truncate, a, 0), "EPERM", "truncate to nothing")
tap.is_((attr(a, "state"), v.status()["files"]["settling"]), ("notarized", 0), "which leaves it sealed")
tap.is_(err(os.unlink, a), "EPERM", "unlink")
tap.is_(err(os.chmod, a, 0o600), "EPERM", "chmod")
tap.is_(err(os.chmod, a, os.stat(a).st_mode & 0o7777), None, "chmod that changes nothing")
tap.is_(err(os.utime, a, (1, 1)), "EPERM", "utimes")
tap.is_(err(os.setxattr, a, "user.x", b"1"), "EPERM", "setxattr")
with open(log + "/other", "wb") as f:
    f.write(b"other")
tap.is_(err(os.rename, log + "/other", a), "EPERM", "rename onto it")
tap.is_(err(os.rename, a, log + "/other"), "EPERM", "rename of it onto another")
tap.is_(err(os.rename, a, v.mnt + "/x.tmp"), "EPERM", "rename to a temp name")
tap.is_(err(os.rename, log, v.mnt + "/gol"), "EPERM", "rename of its folder")

# -- who has asked for the seal is told at once that it is sealed
for f, *more in ((os.truncate, 0), (os.open, os.O_WRONLY), (os.unlink,), (os.chmod, 0o600), (os.utime, (1, 1)),
                 (os.setxattr, "user.x", b"1"), (os.rename, log + "/other")):
    path = log + "/at-once-" + f.__name__
    add(path, b"text")
    os.setxattr(path, "user.notary.seal", b"1")
    tap.is_(err(f, path, *more), "EPERM", f.__name__ + " right behind user.notary.seal")

# -- what may come behind
fd = os.open(a, os.O_WRONLY | os.O_APPEND)
tap.is_(attr(a, "state"), "open", "opened to append")
os.write(fd, b"second\n")
os.pwrite(fd, b"third\n", 0)  # Linux appends
tap.is_(err(os.ftruncate, fd, 20), "EPERM", "ftruncate below the sealed length")
tap.is_(err(os.unlink, a), "EPERM", "unlink while it grows")
tap.is_(err(os.chmod, a, 0o600), "EPERM", "chmod while it grows")
tap.is_(err(os.open, a, os.O_WRONLY), "EPERM", "O_WRONLY while it grows")
two = one + b"second\nthird\n"
tap.is_(read(a), two, "it is there at once")
wait(a)
tap.is_(attr(a, "state"), "open", "sealed as far as it goes while the writer stays")
cert2 = read(a + ".cert")
tap.ok(cert2 != cert1 and verified(v, two, cert2), "the new certificate is about the whole")
tap.ok(verified(v, one, cert1), "and the old one about what was there then")
tap.is_(err(os.ftruncate, fd, 60), "EPERM", "what came is fixed, too")
os.write(fd, b"fourth\n")
os.close(fd)
wait(a)
four = two + b"fourth\n"
tap.ok(verified(v, four, read(a + ".cert")), "the last growth, after the writer has gone")
tap.is_(attr(a, "state"), "notarized", "it is sealed again")
lsattr = kit.run("lsattr", v.path + "/files/log/a.log").stdout.decode().split()
tap.ok(not lsattr or "i" in lsattr[0] or "i" not in kit.run(
    "lsattr", v.path + "/files/log").stdout.decode(), "and immutable where that can be had")
was = os.stat(a).st_mtime_ns
fd = os.open(a, os.O_WRONLY | os.O_APPEND)
os.write(fd, b"cut")
os.ftruncate(fd, len(four))
os.close(fd)
kit.wait_for(lambda: attr(a, "state") == "notarized")
os.truncate(a, len(four))
kit.wait_for(lambda: attr(a, "state") == "notarized")
tap.is_((read(a), os.stat(a).st_mtime_ns), (four, was), "what is cut to what is sealed is as it was sealed")
fd = os.open(a, os.O_WRONLY | os.O_APPEND)
os.close(fd)
kit.wait_for(lambda: attr(a, "state") == "notarized")
tap.is_(read(a + ".cert")[:0] + kit.run("sha256sum", a + ".cert").stdout[:64],
        hashlib.sha256(read(a + ".cert")).hexdigest().encode(), "an open without a write")
before = v.status()["blocks"]
os.truncate(a, len(four) + 4)
wait(a)
four += b"\0" * 4
tap.ok(verified(v, four, read(a + ".cert")), "truncate to a greater length is growth")

# -- a file made by O_APPEND, written by many, and a megabyte at once
m = log + "/many"
fds = [os.open(m, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644) for _ in range(3)]
for i in range(300):
    os.write(fds[i % 3], b"%d from %d\n" % (i, i % 3))
wait(m)
many = read(m)
tap.ok(sorted(many.split()) == sorted((b"".join(
    b"%d from %d\n" % (i, i % 3) for i in range(300))).split()), "nothing of three writers is lost")
tap.ok(verified(v, many, read(m + ".cert")), "sealed while all three stay")
big = os.urandom(20 << 20)
was = os.getxattr(m, "user.notary.record")
os.write(fds[0], big[:1 << 20])
tap.ok(kit.wait_for(lambda: os.getxattr(m, "user.notary.record") != was), "a mebibyte is sealed by itself")
for i in range(1, 20):
    os.write(fds[i % 3], big[i << 20:(i + 1) << 20])
for fd in fds:
    os.close(fd)
wait(m)
many += big
tap.ok(read(m) == many and verified(v, many, read(m + ".cert")), "20 MiB more")
add(m, b"tail")
wait(m)
many += b"tail"
tap.ok(verified(v, many, read(m + ".cert")), "and a tail")

# -- logrotate: renamed to a free name, which seals it; a new one begins
fd = os.open(a, os.O_WRONLY | os.O_APPEND)
os.write(fd, b"before\n")
wait(a)
os.rename(a, a + ".1")
os.write(fd, b"after\n")  # a logger that was not told yet
with open(a, "wb") as f:
    f.write(b"new day\n")
rotated = four + b"before\nafter\n"
tap.is_(err(os.unlink, a + ".1"), "EPERM", "what was renamed cannot go")
tap.is_(err(os.rename, log + "/other", a + ".1"), "EPERM", "nor be replaced")
os.close(fd)
wait(log)
tap.is_(read(a + ".1"), rotated, "rotated with its writer, all of it is there")
tap.ok(verified(v, rotated, read(a + ".1.cert")), "and sealed under the new name")
tap.ok(verified(v, b"new day\n", read(a + ".cert")), "as the new one is")
tap.is_(err(os.truncate, a + ".1", 5), "EPERM", "what was renamed is protected as before")
os.rename(m, v.mnt + "/sealed")
wait(v.mnt + "/sealed")
tap.is_(attr(v.mnt + "/sealed", "class"), "seal", "renamed to a name of class seal")
tap.is_(err(os.open, v.mnt + "/sealed", os.O_WRONLY | os.O_APPEND), "EPERM", "that is the end of growing")

# -- history
hist = v.mnt + "/.notary/history/log/"
tap.is_([read(hist + "a.log/%d" % i) for i in (1, 2, 3, 4, 5, 6)],
        [one, two, four[:-4], four, four + b"before\n", b"new day\n"], "each length can be read, also of what was renamed")
tap.ok(verified(v, one, read(hist + "a.log/1.cert")) and verified(v, two, read(hist + "a.log/2.cert")) and
       verified(v, four + b"before\n", read(hist + "a.log/5.cert")), "and has its certificate")

# -- a hard link grows with its file
h = log + "/h"
add(h, b"1")
wait(h)
os.link(h, log + "/h2")
add(log + "/h2", b"2")
wait(log)
tap.ok(verified(v, b"12", read(h + ".cert")) and verified(v, b"12", read(log + "/h2.cert")),
       "both names have the certificate of the whole")
tap.is_(err(os.unlink, log + "/h2"), "EPERM", "neither may go")

# -- an empty one is sealed as a version, also by a mount that did not see it made
e = log + "/e"
add(e, b"")
os.setxattr(e, "user.notary.seal", b"1")
wait(e)

# -- a hold and a date stay with what has grown
os.setxattr(h, "user.notary.hold", b"case 1")
os.setxattr(h, "user.notary.retain_until", b"2090-01-01")
add(h, b"-")
wait(log)
tap.is_((attr(h, "hold"), attr(h, "retain_until")), ("case 1", "2090-01-01T00:00:00Z"),
        "what was said of it when it was shorter holds on")

# -- restart
for i in range(30):     # one of these names is listed before the first one
    os.link(h, log + "/more%d" % i)
v.umount("--final")
v.mount()
tap.is_(attr(a, "state"), "notarized", "after a restart it is sealed")
tap.is_(err(os.open, a, os.O_WRONLY), "EPERM", "and protected")
os.chmod(e, 0o600)
os.setxattr(e, "user.notary.seal", b"1")
wait(e)
tap.is_(attr(e, "state"), "notarized", "what is empty is sealed with another mode")
add(a, b"more\n")
add(h, b"3")
wait(log)
tap.is_([read(hist + "h/%d" % (i + 1)) for i in range(len(os.listdir(hist + "h")) // 2)], [b"1", b"12", b"12-", b"12-3"],
        "a log with several names grows under its first one")
tap.ok(verified(v, b"new day\nmore\n", read(a + ".cert")), "it grows on")
tap.ok(verified(v, b"12-3", read(log + "/h2.cert")), "with all its names")

# -- cut off in the middle
was = os.stat(h).st_mtime_ns
os.truncate(log + "/h2", os.stat(h).st_size)
fd = os.open(a, os.O_WRONLY | os.O_APPEND)
os.write(fd, b"cut off\n")
os.fsync(fd)
os.kill(v.daemon_pid(), signal.SIGKILL)
kit.wait_for(lambda: not kit.alive(v.daemon_pid()))
kit.run("fusermount3", "-uz", v.mnt)
try:
    os.close(fd)
except OSError:
    pass
v.mount()
tap.is_(err(os.open, a, os.O_WRONLY), "EPERM", "after kill -9 what was sealed is protected")
wait(log)
tap.ok(verified(v, b"new day\nmore\ncut off\n", read(a + ".cert")), "what came after it is sealed")
tap.is_(os.stat(h).st_mtime_ns, was, "what had been cut to what is sealed has its time again")

# -- a plain file that is damaged is put together again
v.umount("--final")
kit.run("chattr", "-R", "-f", "-i", v.path + "/files")
with open(v.path + "/files/log/a.log", "r+b") as f:
    f.write(b"XX")
os.unlink(v.path + "/files/sealed")
p = kit.run(kit.NOTARYFS, "scrub", v.path)
tap.is_((p.returncode, b"files/log/a.log is not what was recorded" in p.stderr + p.stdout), (1, True),
        "scrub finds a log that was changed")
p = kit.run(kit.NOTARYFS, "repair", v.path)
tap.is_(p.returncode, 0, "repair")
tap.diag((p.stdout + p.stderr).decode()) if p.returncode else None
v.mount()
tap.is_(read(a), b"new day\nmore\ncut off\n", "which is whole again")

# -- a growth costs what was added


def bytes_read():
    with open("/proc/%d/io" % v.pid()) as f:
        return int(f.readline().split()[1])


def grow_often(path, times):
    """What is read for that many growths of 64 KiB, sealed one by one."""
    before = bytes_read()
    for i in range(times):
        add(path, bytes([i]) * 65536)
        os.setxattr(path, "user.notary.seal", b"1")
        kit.wait_for(lambda: attr(path, "state") in ("sealed", "notarized"))
    wait(path)
    return bytes_read() - before


MIB = 1 << 20
big = log + "/big"
add(big, os.urandom(40 * MIB))
wait(big)
n = grow_often(big, 20)
tap.ok(n < 40 * MIB, "a log of 40 MiB is not read again when it grows (20 growths read %.1f MiB)" % (n / MIB))
tap.ok(verified(v, read(big), read(big + ".cert")), "its certificate is about the whole")
v.umount()
v.mount()
n = grow_often(big, 20)
tap.ok(40 * MIB < n < 80 * MIB, "after a mount once (%.1f MiB)" % (n / MIB))
tap.ok(verified(v, read(big), read(big + ".cert")), "and the certificate is right again")

# -- everything is in the buckets
want = {p: read(v.mnt + "/" + p) for p in
        ("log/a.log", "log/a.log.1", "log/big", "log/h", "log/h2", "log/other", "sealed")}
v.umount("--final")
p = kit.run(kit.NOTARYFS, "audit", "--anchor", v.anchor, *v.buckets())
tap.is_(p.returncode, 0, "audit")
tap.diag(p.stderr.decode()) if p.returncode else None
p = kit.run(kit.NOTARYFS, "scrub", v.path)
tap.is_(p.returncode, 0, "scrub finds nothing")
tap.diag((p.stdout + p.stderr).decode()) if p.returncode else None
out, past = v.dir + "/out", v.dir + "/past"
p = kit.run(kit.NOTARYFS, "restore", "--anchor", v.anchor, "--history", past, out, *v.buckets()[2:5])
tap.is_(p.returncode, 0, "restore from three buckets")
tap.diag(p.stderr.decode()) if p.returncode else None
tap.is_({k: read(out + "/" + k) == d for k, d in want.items()}, {k: True for k in want},
        "byte for byte")
tap.is_([read(past + "/history/log/h2/%d" % i) for i in (1, 2, 3)], [b"1", b"12", b"12-"], "a further name has each length that it was")
tap.is_([kit.run(kit.VERIFY, "--anchor", v.anchor, past + "/history/log/h2/%d" % i).returncode for i in (1, 2, 3)], [0, 0, 0],
        "each by its certificate")
tap.is_(os.stat(out + "/log/h").st_ino, os.stat(out + "/log/h2").st_ino, "links are links")
p = kit.run(kit.VERIFY, "--anchor", v.anchor, "-r", out)
tap.is_(p.returncode, 0, "all certificates of the restored tree hold")
tap.diag((p.stdout + p.stderr).decode()) if p.returncode else None

tap.done()
