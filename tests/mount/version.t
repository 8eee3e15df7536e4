#!/usr/bin/python3
"""Class version: names may go and contents be replaced; what was sealed stays,
with its certificate."""
import errno
import os
import shutil
import signal
import stat
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
        return os.getxattr(path, "user.notary." + name, follow_symlinks=False).decode()
    except OSError as e:
        return errno.errorcode[e.errno]


def wait(path):
    kit.run(kit.NOTARYFS, "seal", *(["-r"] if os.path.isdir(path) else []), path, check=True)
    kit.run(kit.NOTARYFS, "wait", "--timeout", "300s", path, check=True)


def write(path, data, mode="wb"):
    with open(path, mode) as f:
        f.write(data)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def verified(data, cert):
    """Does the certificate prove these bytes, with the anchor and nothing else?"""
    d = v.dir + "/offline"
    os.makedirs(d, exist_ok=True)
    write(d + "/f", data)
    write(d + "/f.cert", cert)
    return kit.run(kit.VERIFY, "--anchor", v.anchor, d + "/f").returncode == 0


def kept():
    """Files in versions/."""
    return sum(len(f) for _, _, f in os.walk(v.path + "/versions"))


v = kit.Vault(settle="1h")      # nothing is sealed before wait() asks for it
with open(v.path + "/notaryfs.conf", "a") as f:
    f.write("bind = /w mirror\nbind = /db db\n")
v.mount()
w = v.mnt + "/w"
os.mkdir(w)
os.mkdir(v.mnt + "/db")
f = w + "/f"

# -- rewriting in place
write(f, b"one")
wait(f)
ino = os.stat(f).st_ino
tap.is_((attr(f, "class"), attr(f, "state")), ("version", "notarized"), "the preset mirror says version")
cert1 = read(f + ".cert")
fd = os.open(f, os.O_WRONLY)
tap.is_(attr(f, "state"), "open", "opened to be written")
tap.is_(err(os.stat, f + ".cert"), "ENOENT", "no certificate of what is being changed")
os.write(fd, b"ONE!")
os.close(fd)
wait(f)
tap.is_(read(f), b"ONE!", "written in place")
tap.is_(os.stat(f).st_ino, ino, "under the same inode number")
cert2 = read(f + ".cert")
tap.ok(verified(b"ONE!", cert2), "with a certificate of its own")
tap.ok(verified(b"one", cert1), "the old one still proves the old content")
write(f, b"three")
wait(f)
tap.ok(verified(b"three", read(f + ".cert")) and os.stat(f).st_ino == ino, "O_TRUNC")
os.truncate(f, 2)
wait(f)
tap.ok(verified(b"th", read(f + ".cert")), "truncate")
write(f, b"e end", "ab")
wait(f)
tap.ok(verified(b"the end", read(f + ".cert")), "O_APPEND")

# -- what changes nothing makes no version
n = kept()
before = os.getxattr(f, "user.notary.record")
fd = os.open(f, os.O_RDWR)
os.fsync(fd)
os.close(fd)
os.chmod(f, os.stat(f).st_mode & 0o7777)
wait(f)
tap.is_((os.getxattr(f, "user.notary.record"), kept()), (before, n), "an open without a write")

# -- attributes
os.chmod(f, 0o600)
os.utime(f, (1, 1))
os.setxattr(f, "user.color", b"blue")
wait(f)
tap.is_((stat.S_IMODE(os.stat(f).st_mode), os.stat(f).st_mtime), (0o600, 1), "mode and time")
tap.ok(os.getxattr(f, "user.notary.record") != before, "are another version")
tap.ok(verified(b"the end", read(f + ".cert")), "of the same content")

# -- rename over, rename, unlink
write(w + "/g", b"new f")
os.rename(w + "/g", f)
wait(f)
tap.ok(read(f) == b"new f" and verified(b"new f", read(f + ".cert")), "replaced by what was not sealed")
write(w + "/g", b"newer f")
wait(w + "/g")
os.rename(w + "/g", f)
tap.is_(err(os.stat, w + "/g"), "ENOENT", "replaced by what was sealed")
wait(f)
tap.ok(read(f) == b"newer f" and verified(b"newer f", read(f + ".cert")), "it is sealed under its new name")
os.rename(f, w + "/moved")
wait(w)
tap.ok(verified(b"newer f", read(w + "/moved.cert")), "renamed")
tap.is_(err(os.stat, f + ".cert"), "ENOENT", "nothing is certified under the old name")
os.unlink(w + "/moved")
tap.is_(err(os.stat, w + "/moved"), "ENOENT", "unlinked")
write(w + "/moved", b"again")
wait(w)
tap.ok(verified(b"again", read(w + "/moved.cert")), "and made anew")
write(w + "/x", b"x")
write(w + "/y", b"y")
wait(w)
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.renameat2(-100, (w + "/x").encode(), -100, (w + "/y").encode(), 2)
wait(w)
tap.is_((read(w + "/x"), read(w + "/y")), (b"y", b"x"), "exchanged")
tap.ok(verified(b"y", read(w + "/x.cert")) and verified(b"x", read(w + "/y.cert")), "both are sealed anew")
os.symlink("x", w + "/latest")
wait(w)
os.symlink("y", w + "/latest.tmp")
os.rename(w + "/latest.tmp", w + "/latest")
wait(w)
tap.is_((os.readlink(w + "/latest"), attr(w, "state")), ("y", "ENODATA"), "ln -sfn of a sealed link")

# -- no way out of protection
tap.is_(err(os.rename, w + "/x", w + "/x.tmp"), "EPERM", "rename to a temp name")
tap.is_(err(os.rename, w + "/x", w + "/.x.swp"), "EPERM", "rename to a scratch name")
tap.is_(err(os.link, w + "/x", w + "/x.part"), "EPERM", "link to a temp name")
os.mkdir(w + "/t")
write(w + "/t/x", b"t")
wait(w)
tap.is_(err(os.rename, w + "/t", w + "/t.part"), "EPERM", "rename of its folder to a temp name")
os.rename(w + "/x", v.mnt + "/x")
wait(v.mnt)
tap.is_((attr(v.mnt + "/x", "class"), err(os.unlink, v.mnt + "/x")), ("seal", "EPERM"),
        "under a name of class seal it is sealed for good")
write(v.mnt + "/seal", b"seal")
wait(v.mnt)
tap.is_(err(os.rename, v.mnt + "/seal", w + "/seal"), "EPERM", "what is of class seal stays")
write(w + "/y2", b"y2")
tap.is_(err(os.rename, w + "/y2", v.mnt + "/seal"), "EPERM", "and is not replaced")
os.unlink(w + "/y2")

# -- hard links
write(w + "/a", b"a")
wait(w)
os.link(w + "/a", w + "/b")
os.link(w + "/a", w + "/c")
wait(w)
os.unlink(w + "/b")
write(w + "/c", b"A")
wait(w)
tap.is_((read(w + "/a"), read(w + "/c")), (b"A", b"A"), "written through another name")
tap.ok(verified(b"A", read(w + "/a.cert")) and verified(b"A", read(w + "/c.cert")), "both have the new certificate")
write(w + "/d", b"d")
os.rename(w + "/d", w + "/c")
wait(w)
tap.is_((read(w + "/a"), read(w + "/c")), (b"A", b"d"), "a further name is replaced")
tap.is_(err(os.unlink, w + "/a"), None, "the last one may go")

# -- what was sealed under a further name is kept when the file changes
def history(name):
    d = v.mnt + "/.notary/history/w/" + name
    return [read(d + "/%d" % (i + 1)) for i in range(len(os.listdir(d)) // 2)]


def exchange(a, b):
    if libc.renameat2(-100, a.encode(), -100, b.encode(), 2) != 0:
        raise OSError(ctypes.get_errno(), "renameat2")


write(w + "/l1", b"sealed")
os.link(w + "/l1", w + "/l2")
os.link(w + "/l1", w + "/l3")
wait(w)
os.rename(w + "/l2", w + "/l4")
fd = os.open(w + "/l4", os.O_RDWR)  # until it is closed it is not sealed anew
os.pwrite(fd, b"SEALED", 0)
os.rename(w + "/l1", w + "/l5")
tap.is_([history(x) for x in ("l1", "l2", "l3")], [[b"sealed"]] * 3, "a further name was moved, the file written, and the first name moved")
write(w + "/l1", b"another")
os.setxattr(w + "/l1", "user.notary.seal", b"1")
wait(w + "/l1")
os.unlink(w + "/l3")
tap.is_((history("l3"), read(v.mnt + "/.notary/deleted/w/l3")), ([b"sealed"], b"sealed"), "another file has the first name by then")
os.close(fd)
wait(w)
tap.is_([history(x) for x in ("l1", "l2", "l3", "l4", "l5")],
        [[b"sealed", b"another"], [b"sealed"], [b"sealed"], [b"SEALED"], [b"SEALED"]], "all are sealed anew")
os.chmod(w + "/l4", 0o600)
wait(w)
tap.is_([history(x) for x in ("l4", "l5")], [[b"SEALED"] * 2] * 2, "another mode is one under all names")

# -- what takes a sealed name by an exchange is sealed there
write(w + "/e1", b"sealed")
os.symlink("sealed", w + "/e3")
wait(w)
write(w + "/e2", b"unsealed")
write(w + "/e4", b"unsealed, too")
exchange(w + "/e1", w + "/e2")
exchange(w + "/e3", w + "/e4")
wait(w)
tap.is_([history(x) for x in ("e1", "e2", "e3", "e4")],
        [[b"sealed", b"unsealed"], [b"sealed"], [b"sealed", b"unsealed, too"], [b"sealed"]], "exchanged with what was not sealed")

# -- what fails changes nothing
before = attr(w + "/e1", "state"), history("e1")
tap.is_(err(os.removexattr, w + "/e1", "user.none"), "ENODATA", "removing an attribute that is not there")
tap.is_((attr(w + "/e1", "state"), history("e1")), before, "leaves it sealed")
for name in ("l1", "l4", "l5", "e1", "e2", "e3", "e4"):
    err(os.unlink, w + "/" + name)
err(os.unlink, w + "/l5")
err(os.unlink, w + "/l4")

# -- the first of several names, under which the file is recorded, may go first
for way, f, *a in (("removed", os.unlink, "/n1"), ("renamed", os.rename, "/n1", "/n0"), ("replaced", os.rename, "/n4", "/n1"),
                   ("exchanged", exchange, "/n1", "/n4")):
    write(w + "/n1", b"first")
    os.link(w + "/n1", w + "/n2")
    os.link(w + "/n1", w + "/n3")
    write(w + "/n4", b"another")
    os.symlink("x", w + "/s1")
    os.link(w + "/s1", w + "/s2", follow_symlinks=False)
    wait(w)
    tap.is_([err(f, *[w + x for x in a]), err(os.unlink, w + "/s1")], [None, None], "the first name is " + way)
    tap.is_([read(w + x) for x in ("/n2", "/n3")] + [os.readlink(w + "/s2")], [b"first"] * 2 + ["x"], "the others stay")
    tap.is_([attr(w + x, "state") for x in ("/n2", "/n3")], ["settling"] * 2, "and are sealed anew")
    wait(w)
    tap.ok(all(verified(b"first", read(w + x + ".cert")) for x in ("/n2", "/n3")), "with certificates of their own")
    tap.is_((history("n1")[0], history("n2")[0], os.path.samefile(w + "/n2", w + "/n3")), (b"first", b"first", True), "still one file")
    for name in ("n0", "n1", "n2", "n3", "n4", "s2"):
        err(os.unlink, w + "/" + name)
write(w + "/n1", b"n")
os.link(w + "/n1", w + "/n.tmp")
wait(w)
tap.is_([err(os.unlink, w + "/n1"), err(os.unlink, w + "/n.tmp"), err(os.unlink, w + "/n1")], ["EPERM", None, None],
        "not while the others are temporary: no name would be sealed")

# -- what becomes longer by no write
write(w + "/long", b"short")
wait(w)
fd = os.open(w + "/long", os.O_RDWR)
os.posix_fallocate(fd, 0, 9)
os.close(fd)
wait(w)
tap.is_([len(x) for x in history("long")], [5, 9], "fallocate: each length is a version")
os.unlink(w + "/long")

# -- what changes nothing leaves it sealed
write(w + "/x2", b"x2")
os.setxattr(w + "/x2", "user.a", b"1")
wait(w)
st = os.stat(w + "/x2")
os.chmod(w + "/x2", stat.S_IMODE(st.st_mode))
os.utime(w + "/x2", ns=(st.st_atime_ns, st.st_mtime_ns))
os.setxattr(w + "/x2", "user.a", b"1")
tap.is_(attr(w + "/x2", "state"), "notarized", "mode, times and attributes that it has already")
os.unlink(w + "/x2")

# -- a folder moves when no file in it has several names any more
os.mkdir(w + "/k")
for name in ("k/f", "k/g"):
    write(w + "/" + name, b"f")
    os.link(w + "/" + name, w + "/other" + name[-1])
wait(w)
v.umount()
v.mount()
write(w + "/k/f", b"F")
os.unlink(w + "/otherf")
write(w + "/new", b"new")
os.rename(w + "/new", w + "/otherg")
wait(w)
tap.is_(err(os.rename, w + "/k", w + "/l"), None, "a folder whose sealed files had several names")
wait(w)
shutil.rmtree(w + "/l")
os.unlink(w + "/otherg")

# -- a file that stays open
write(w + "/o", b"open")
wait(w)
fd = os.open(w + "/o", os.O_RDONLY)
os.unlink(w + "/o")
tap.is_(os.pread(fd, 9, 0), b"open", "an unlinked file can be read on")
tap.is_(err(os.open, "/proc/self/fd/%d" % fd, os.O_WRONLY), "EPERM", "its version cannot be written")
os.close(fd)
write(w + "/p", b"p" * 5000)
wait(w)
fd = os.open(w + "/p", os.O_RDWR)
os.unlink(w + "/p")
os.pwrite(fd, b"q", 0)
tap.is_(os.pread(fd, 2, 0), b"qp", "one that was open for writing is the writer's")
os.close(fd)

# -- what somebody asked to be sealed is a version, whatever comes next
for f, *more in ((os.truncate, 1), (os.unlink,), (os.rename, w + "/asked2"), (os.chmod, 0o600)):
    write(w + "/asked", b"asked")
    os.setxattr(w + "/asked", "user.notary.seal", b"1")
    f(w + "/asked", *more)
    tap.is_(read(v.mnt + "/.notary/history/w/asked/1"), b"asked", f.__name__ + " right behind user.notary.seal")
    wait(w)
    for name in ("/asked", "/asked2"):
        err(os.unlink, w + name)

# -- while it is being sealed
big = os.urandom(200 << 20)
write(w + "/big", big)
os.setxattr(w + "/big", "user.notary.seal", b"1")
fd = os.open(w + "/big", os.O_WRONLY)
os.pwrite(fd, b"0123", 0)
os.close(fd)
big = b"0123" + big[4:]
wait(w)
tap.ok(verified(big, read(w + "/big.cert")), "written while it was being sealed")
os.unlink(w + "/big")

# -- history
hist, deleted = v.mnt + "/.notary/history/w/", v.mnt + "/.notary/deleted/w/"
names = sorted(os.listdir(hist + "f"), key=lambda x: (int(x.split(".")[0]), x))
was = [b"one", b"ONE!", b"three", b"th", b"the end", b"the end", b"new f", b"newer f"]
tap.is_(names, [x for i in range(1, 9) for x in ("%d" % i, "%d.cert" % i)], "all versions are listed")
tap.is_([read(hist + "f/%d" % i) for i in range(1, 9)], was, "and can be read")
tap.ok(all(verified(was[i], read(hist + "f/%d.cert" % (i + 1))) for i in range(8)), "each has its certificate")
tap.is_(read(hist + "f/1.cert"), read(hist + "f/1.cert"), "which is the same each time")
tap.ok(verified(b"one", cert1) and not verified(b"one", read(hist + "f/2.cert")), "and is about that one alone")
st = os.stat(hist + "f/6")
tap.is_((stat.S_IMODE(st.st_mode), st.st_mtime, st.st_size), (0o400, 1, 7), "with the mode and time of then")
tap.is_(read(hist + "y/2"), b"x", "one that is there now")
tap.is_(read(hist + "latest/1"), b"x", "where a link pointed")
tap.is_([err(os.stat, hist + x) for x in ("f/0", "f/9", "f/01", "f/1x", "none", "f/9.cert")], ["ENOENT"] * 6, "no others")
tap.is_(err(os.open, hist + "f/1", os.O_WRONLY), "EACCES" if os.geteuid() else "EPERM", "none can be written")
tap.is_(err(os.unlink, hist + "f/1"), "EPERM", "or removed")
gone = os.listdir(deleted)
tap.ok({"f", "g", "big", "o", "p"} <= set(gone) and not {"y", "moved", "c"} & set(gone), "what is gone is listed")
tap.ok(read(deleted + "f") == b"newer f" and read(deleted + "o") == b"open", "and can be read")
tap.ok(verified(b"newer f", read(deleted + "f.cert")), "with its certificate")
tap.is_(read(deleted + "big") == big, True, "of any size")
tap.is_(err(os.stat, deleted + "y"), "ENOENT", "what is there is not")
os.mkdir(w + "/dir")
os.mkdir(w + "/dir/sub")
os.chmod(w + "/dir", 0o700)
write(w + "/dir/sub/secret", b"s")
os.chmod(w + "/dir/sub/secret", 0o600)
wait(w)
shutil.rmtree(w + "/dir/sub")
tap.ok("dir" in os.listdir(deleted) and os.listdir(deleted + "dir/sub") == ["secret"], "folders with what is gone")
tap.is_([stat.S_IMODE(os.stat(p).st_mode) for p in (deleted + "dir", deleted + "dir/sub", deleted + "dir/sub/secret",
         hist + "dir/sub/secret", hist + "dir/sub/secret/1")], [0o500, 0o500, 0o400, 0o500, 0o400],
        "nobody can read there what he could not before")

# -- many at once, and over a restart
for i in range(200):
    write(w + "/m%d" % i, b"%d" % i)
wait(w)
for i in range(200):
    write(w + "/m%d" % i, b"%d again" % i)
for i in range(0, 200, 2):
    os.rename(w + "/m%d" % i, w + "/n%d" % i)
os.kill(v.daemon_pid(), signal.SIGKILL)
kit.wait_for(lambda: not kit.alive(v.daemon_pid()))
kit.run("fusermount3", "-uz", v.mnt)
v.mount()
wait(w)
tap.is_([read(w + "/%s%d" % ("mn"[i % 2 == 0], i)) for i in range(200)],
        [b"%d again" % i for i in range(200)], "after kill -9 all is as it was written")
tap.ok(all(verified(read(p), read(p + ".cert")) for p in
           (w + "/%s%d" % ("mn"[i % 2 == 0], i) for i in range(0, 200, 17))), "and is sealed")

# -- what follows a large one does not overtake it while that is being stored
for name in ("quick", "short"):
    with open(w + "/" + name, "wb") as f:
        f.truncate(1 << 30)
        for at in range(0, 1 << 30, 64 << 20):     # no extent is a hole alone
            os.pwrite(f.fileno(), name.encode(), at)
    kit.run(kit.NOTARYFS, "seal", w + "/" + name, check=True)
write(w + "/quick", b"small")
kit.run(kit.NOTARYFS, "seal", w + "/quick", check=True)
os.unlink(w + "/short")
wait(w)
tap.is_([os.path.getsize(hist + "quick/1"), read(hist + "quick/2")], [1 << 30, b"small"], "one version after the other")

# -- everything is in the buckets
v.umount("--final")
p = kit.run(kit.NOTARYFS, "audit", "--anchor", v.anchor, *v.buckets())
tap.is_(p.returncode, 0, "audit")
tap.diag(p.stderr.decode()) if p.returncode else None
p = kit.run(kit.NOTARYFS, "scrub", v.path)
tap.is_(p.returncode, 0, "scrub finds nothing")
tap.diag((p.stdout + p.stderr).decode()) if p.returncode else None
out = v.dir + "/out"
p = kit.run(kit.NOTARYFS, "restore", "--anchor", v.anchor, out, *v.buckets()[1:4])
tap.is_(p.returncode, 0, "restore from three buckets")
tap.diag(p.stderr.decode()) if p.returncode else None
files = v.path + "/files"
was, now = kit.listing(files), kit.listing(out, skip=(out + "/.certs",))
tap.is_([(k, was.get(k), now.get(k)) for k in sorted(set(was) | set(now)) if was.get(k) != now.get(k)], [],
        "attributes and links are the same")
tap.is_(kit.run("diff", "-r", "--no-dereference", "-x", ".certs", files, out).returncode, 0, "every byte is")
p = kit.run(kit.VERIFY, "--anchor", v.anchor, "-r", out)
tap.is_(p.returncode, 0, "all certificates of the restored tree hold")
tap.diag((p.stdout + p.stderr).decode()) if p.returncode else None
tap.done()
