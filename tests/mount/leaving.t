#!/usr/bin/python3
"""What a name has sealed before it means something else: a file of another
type or class, or more of a log that was empty.  Whatever becomes of the name,
audit and scrub find nothing wrong, and a restore gives back what is there."""
import ctypes
import errno
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import vaultkit as kit

kit.need_fuse()
tap = kit.Tap()
libc = ctypes.CDLL(None, use_errno=True)


def err(f, *a):
    """None, or the name of the errno that f ends with."""
    try:
        r = f(*a)
        if isinstance(r, int) and not isinstance(r, bool):
            os.close(r)
        return None
    except OSError as e:
        return errno.errorcode[e.errno]


def exchange(a, b):
    if libc.renameat2(-100, a.encode(), -100, b.encode(), 2) != 0:
        raise OSError(ctypes.get_errno(), "renameat2")


def write(path, data, mode="wb"):
    with open(path, mode) as f:
        f.write(data)


def seal(*paths):
    for path in paths:
        kit.run(kit.NOTARYFS, "seal", path, check=True)
        kit.run(kit.NOTARYFS, "wait", "--timeout", "300s", path, check=True)


def folder(name):
    os.mkdir(v.mnt + "/" + name)
    return v.mnt + "/" + name + "/"


v = kit.Vault(settle="1h")
with open(v.path + "/notaryfs.conf", "a") as f:
    f.write("empty_settle = 1h\nrule = mixed include default\nrule = mixed version v*\n"
            "rule = mixed append l*\nbind = /mixed* mixed\nbind = /log* log\nbind = /mirror* mirror\n")
v.mount()

# -- the name of a version is a name of a file of class seal
for d, what in (("mixed1", lambda d: os.unlink(d + "v")), ("mixed2", lambda d: os.rename(d + "v", d + "v2"))):
    d = folder(d)
    write(d + "v", b"old")
    seal(d + "v")
    write(d + "a", b"new")
    os.link(d + "a", d + "b")
    os.rename(d + "a", d + "v")
    tap.is_(err(what, d), None, "replaced by a file with a name of class seal, it may leave: " + d[-2])
    tap.ok(os.path.exists(v.mnt + "/.notary/deleted/" + d[len(v.mnt) + 1:] + "v"), "and is recorded as gone")
d = folder("mixed3")
write(d + "v", b"old")
seal(d + "v")
write(d + "v", b"rewritten")
os.link(d + "v", d + "a")
tap.is_(err(os.unlink, d + "v"), None, "rewritten, and given a name of class seal")

# -- what is not sealed takes its place
d = folder("mirror-un")
write(d + "a", b"old")
seal(d + "a")
write(d + "b", b"new")
tap.is_(err(exchange, d + "a", d + "b"), None, "exchanged for what is not sealed")
seal(d + "a", d + "b")
tap.is_([os.path.exists(d + n + ".cert") for n in "ab"], [True, True], "both are sealed where they are now")

# -- what is never recorded takes its place
for n, what in enumerate((exchange, os.rename)):
    d = folder("mirror%d" % n)
    write(d + "a", b"old")
    seal(d + "a")
    os.mkfifo(d + "p")
    tap.is_(err(what, d + "p", d + "a"), None, "a FIFO: " + what.__name__)
    tap.is_(kit.run("cat", v.mnt + "/.notary/deleted/mirror%d/a" % n).stdout, b"old", "what it replaced is gone")
    tap.is_(err(os.unlink, d + "a"), None, "the FIFO may go")
d = folder("mirror2")
write(d + "a", b"old")
seal(d + "a")
os.mkdir(d + "d")
tap.is_((err(exchange, d + "a", d + "d"), err(os.rmdir, d + "a")), (None, None), "a folder, which goes at once")

# -- a log that was sealed empty
d = folder("log1")
for name in "abcdefg":
    write(d + name, b"")
    seal(d + name)
tap.is_(os.getxattr(d + "a", "user.notary.class"), b"version", "an empty log is sealed as a version")
write(d + "a", b"appended", "ab")
write(d + "b", b"written")
os.chmod(d + "c", 0o600)
os.rename(d + "d", d + "h")
os.unlink(d + "e")
fd = os.open(d + "f", os.O_WRONLY | os.O_APPEND)
os.chmod(d + "f", 0o600)
os.write(fd, b"f")
os.close(fd)
os.truncate(d + "g", 3)
seal(d + "a", d + "b")
tap.is_((os.getxattr(d + "a", "user.notary.class"), err(os.open, d + "a", os.O_WRONLY), err(os.open, d + "b", os.O_WRONLY)),
        (b"append", "EPERM", "EPERM"), "with something in it as a log")
write(d + "a", b", more", "ab")
seal(d + "a")
hist = v.mnt + "/.notary/history/log1/a/"
tap.is_([kit.run("cat", hist + x).stdout for x in "123"], [b"", b"appended", b"appended, more"], "each can be read")
fd = os.open(d + "i", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
os.posix_fallocate(fd, 0, 10)
os.ftruncate(fd, 0)
tap.is_(err(os.setxattr, d + "i", "user.notary.seal", b"1"), "EBUSY", "empty, and open: not sealed")
os.close(fd)
seal(d + "i")
for name in "mn": # two that nobody asks for
    write(d + name, b"not sealed")
    os.link(d + name, d + name + "2")
write(d + "o", b"sealed")
os.link(d + "o", d + "o2")
seal(d + "o")
write(d + "o", b", and more", "ab")
v.umount()
v.mount()
tap.is_((err(os.unlink, d + "m"), err(os.unlink, d + "m2"), err(os.truncate, d + "n2", 3)), (None, None, None),
        "of several names and not sealed: free after a restart, too")
tap.is_((err(os.truncate, d + "o2", 5), err(os.truncate, d + "o2", 7)), ("EPERM", None), "and what has grown since it was sealed")
tap.is_(os.getxattr(d + "c", "user.notary.state"), b"settling", "a new mode is not forgotten by a restart")
tap.is_(err(os.open, d + "a", os.O_WRONLY), "EPERM", "nor is what is fixed")

# -- logs of several names, and renamed ones
d = folder("log2")
write(d + "a", b"1")
os.link(d + "a", d + "b")
seal(d + "a")
with open(d + "a", "ab") as f:
    tap.is_(err(os.rename, d + "a", d + "c"), "EPERM", "a log of two names stays, also while it is open")
    f.write(b"2")
d = folder("mixed4")
write(d + "l", b"1")
os.link(d + "l", d + "x.tmp")
seal(d + "l")
fd = os.open(d + "l", os.O_WRONLY | os.O_APPEND)
os.write(fd, b"2")
tap.is_(err(os.unlink, d + "x.tmp"), None, "a spare name may go while the log grows")
os.rename(d + "l", d + "a")
tap.is_(err(os.rename, d + "a", d + "x.tmp"), "EPERM", "a log that waits for its writer has no way to a temp name")
os.close(fd)

v.umount("--final")
for command in ("audit", "scrub"):
    p = kit.run(kit.NOTARYFS, command, v.path)
    if not tap.is_(p.returncode, 0, command):
        tap.diag((p.stdout + p.stderr).decode())
out = v.dir + "/out"
p = kit.run(kit.NOTARYFS, "restore", "--anchor", v.anchor, out, *v.buckets()[1:4])
tap.is_(p.returncode, 0, "restore")
files = v.path + "/files"
was, now = kit.listing(files), kit.listing(out, skip=(out + "/.certs",))
tap.is_([(k, was.get(k), now.get(k)) for k in sorted(set(was) | set(now)) if was.get(k) != now.get(k)], [],
        "attributes and links are the same")
p = kit.run("diff", "-r", "--no-dereference", "-x", ".certs", files, out)
tap.is_(p.returncode, 0, "every byte is")
tap.diag(p.stdout.decode())
tap.done()
