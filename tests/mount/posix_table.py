#!/usr/bin/env python3
"""posix_table.py DIR: system calls on new files in DIR, one line of outcome each.

The lines hold nothing that depends on the place (no paths, devices or inode
numbers), so those of a mount and of a plain folder can be compared."""
import ctypes
import errno
import fcntl
import os
import struct
import subprocess
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
AT = -100
NOBODY = 65534
ROWS = []


def row(words):
    def add(f):
        ROWS.append((words, f))
        return f
    return add


def outcome(f, *args):
    try:
        r = f(*args)
        return "ok" if r is None else r
    except OSError as e:
        return errno.errorcode[e.errno]


def as_nobody(f, *args):
    """What f says to an ordinary user."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        os.write(w, str(outcome(f, *args)).encode())
        os._exit(0)
    os.close(w)
    said = os.read(r, 4096).decode()
    os.close(r)
    os.waitpid(pid, 0)
    return said


def make(name, data=b"", mode=0o644, uid=None):
    fd = os.open(name, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    os.write(fd, data)
    if uid is not None:
        os.fchown(fd, uid, uid)
    os.fchmod(fd, mode)
    os.close(fd)
    return name


def mode(name):
    return oct(os.lstat(name).st_mode)


def call(name, *args):
    if getattr(libc, name)(*args) < 0:
        e = ctypes.get_errno()
        raise OSError(e, name)


def moved(name, f):
    """Which of the three times does f move?"""
    a = os.lstat(name)
    time.sleep(0.02)
    said = outcome(f)
    b = os.lstat(name)
    return said, [t for t in ("atime", "mtime", "ctime") if
                  getattr(a, "st_%s_ns" % t) != getattr(b, "st_%s_ns" % t)]


@row("open: flags")
def _():
    make("a")
    os.symlink("a", "l")
    os.symlink("loop", "loop")
    os.mkdir("d")
    W, C, X = os.O_WRONLY, os.O_CREAT, os.O_EXCL
    return [outcome(lambda n, f: os.close(os.open(n, f, 0o600)), *c) for c in (
        ("a", W | C | X), ("l", W | C | X), ("l", W | os.O_NOFOLLOW),
        ("loop", W), ("d", W), ("d", os.O_DIRECTORY), ("a", os.O_DIRECTORY),
        ("a/b", W | C), ("d/", W | C), ("no/b", W | C), ("no", W),
        ("n" * 255, W | C), ("n" * 256, W | C), ("a/", os.O_RDONLY))]


@row("names of any bytes")
def _():
    names = [b"new\nline", b"\xff\xfe\x80", b" ", b"\\", b"\x01", b"\xc3\xa9" * 127]
    os.mkdir("names")
    for n in names:
        make(b"names/" + n, n)
    return sorted(os.listdir(b"names")) == sorted(names), [
        open(b"names/" + n, "rb").read() == n for n in names]


@row("O_APPEND of two writers")
def _():
    make("ap", b"0")
    a, b = (os.open("ap", os.O_WRONLY | os.O_APPEND) for _ in range(2))
    for fd, t in ((a, b"1"), (b, b"2"), (a, b"3")):
        os.write(fd, t)
    os.pwrite(a, b"4", 0)
    os.close(a), os.close(b)
    return open("ap", "rb").read()


@row("O_TRUNC, ftruncate, write: times")
def _():
    make("t", b"xyz")
    make("e")
    fd = os.open("t", os.O_RDWR)
    r = [moved("t", lambda: os.truncate("t", 1)),
         moved("t", lambda: os.ftruncate(fd, 1)),
         moved("t", lambda: os.write(fd, b"a")),
         moved("e", lambda: os.close(os.open("e", os.O_WRONLY | os.O_TRUNC))),
         moved("t", lambda: os.close(os.open("t", os.O_WRONLY | os.O_TRUNC)))]
    os.close(fd)
    return r


@row("chmod, chown, link, rename, xattr: times")
def _():
    make("c")
    return [moved("c", lambda: os.chmod("c", 0o600)),
            moved("c", lambda: os.chown("c", 0, 0)),
            moved("c", lambda: os.link("c", "c2")),
            moved("c", lambda: os.unlink("c2")),
            moved("c", lambda: os.setxattr("c", "user.a", b"b")),
            moved(".", lambda: make("in")), moved(".", lambda: os.unlink("in"))]


@row("utimensat")
def _():
    make("u", mode=0o666)
    make("o", uid=NOBODY, mode=0o400)
    make("s", mode=0o644)

    def now(name):
        return lambda: call("utimensat", AT, name, None, 0)

    os.symlink("u", "ul")
    os.utime("ul", ns=(1, 2), follow_symlinks=False)
    os.utime("u", ns=(-5, 10**18 + 1))
    st, lt = os.stat("u"), os.lstat("ul")
    return [st.st_atime_ns, st.st_mtime_ns, lt.st_mtime_ns,
            as_nobody(now(b"u")), as_nobody(now(b"o")), as_nobody(now(b"s")),
            as_nobody(lambda: os.utime("u", (1, 1))),
            as_nobody(lambda: os.utime("o", (1, 1)))]


@row("setuid and setgid bits")
def _():
    r = []
    for m in (0o6755, 0o6745, 0o2775, 0o1777):
        for f in (lambda n: os.chown(n, NOBODY, NOBODY),
                  lambda n: os.truncate(n, 0),
                  lambda n: make(n, b"x", mode=m) and None,
                  lambda n: open(n, "ab").write(b"x") and None):
            make("sx", b"abc", mode=m)
            f("sx")
            r.append(mode("sx"))
            make("sn", b"abc", mode=m | 0o022, uid=NOBODY)
            r.append(as_nobody(lambda: open("sn", "ab").write(b"y")))
            r.append(mode("sn"))
    os.mkdir("sg")
    os.chown("sg", 0, NOBODY)
    os.chmod("sg", 0o2777)
    os.mkdir("sg/d")
    make("sg/f")
    return r + [mode("sg/d"), os.stat("sg/d").st_gid, os.stat("sg/f").st_gid,
                as_nobody(lambda: os.chown("sg/f", NOBODY, NOBODY))]


@row("sticky folder")
def _():
    os.mkdir("st")
    os.chmod("st", 0o1777)
    make("st/root")
    make("st/own", uid=NOBODY)
    return [as_nobody(os.unlink, "st/root"),
            as_nobody(os.rename, "st/root", "st/x"),
            as_nobody(os.rename, "st/own", "st/root"),
            as_nobody(os.unlink, "st/own")]


@row("rename")
def _():
    os.makedirs("r/a/b")
    os.makedirs("r/full/x")
    os.makedirs("r/empty")
    make("r/f", b"f")
    os.link("r/f", "r/f2")

    def r2(a, b, flags):
        return lambda: call("renameat2", AT, a, AT, b, flags)

    return [outcome(os.rename, *p) for p in (
        ("r", "r"), ("r/a", "r/a/b/c"), ("r/a/b", "r/a"), ("r/f", "r/f2"),
        ("r/f", "r/f"), ("r/f", "r/a"), ("r/a", "r/f"), ("r/a", "r/full"),
        ("r/a", "r/empty"), ("r/no", "r/x"), ("r/full", "r/full/."),
        ("r/f/", "r/g"), ("r/full/", "r/full2"))] + [
        os.path.exists("r/f"), os.stat("r/f2").st_nlink] + [
        outcome(f) for f in (r2(b"r/f", b"r/f2", 1), r2(b"r/f", b"r/full2", 2),
                             r2(b"r/f", b"r/nn", 2), r2(b"r/f", b"r/f2", 3),
                             r2(b"r/f", b"r/w", 8))]


@row("links")
def _():
    make("k", b"k")
    os.symlink("nowhere", "kl")
    os.mkdir("kd")
    r = [outcome(os.link, "k", "k2"), os.stat("k").st_nlink,
         outcome(os.link, "k", "k2"), outcome(os.link, "kd", "kd2")]
    os.link("kl", "kl2", follow_symlinks=False)
    fd = os.open("k", os.O_RDWR)
    os.unlink("k"), os.unlink("k2")
    r += [os.readlink("kl2"), os.lstat("kl").st_nlink, os.fstat(fd).st_nlink,
          outcome(os.write, fd, b"gone"), os.pread(fd, 9, 0),
          outcome(os.fchmod, fd, 0o640), oct(os.fstat(fd).st_mode),
          outcome(os.ftruncate, fd, 2), os.fstat(fd).st_size,
          outcome(os.symlink, "x" * 4095, "long"), outcome(os.symlink, "", "e"),
          os.lstat("long").st_size, len(os.readlink("long"))]
    os.close(fd)
    return r


@row("folders")
def _():
    os.makedirs("f/a/b")
    make("f/x")
    return [os.stat("f").st_nlink, outcome(os.mkdir, "f"),
            outcome(os.rmdir, "f"), outcome(os.rmdir, "f/x"),
            outcome(os.unlink, "f/a"), outcome(os.rmdir, "f/a/b/."),
            outcome(os.rmdir, "f/a/b/.."), outcome(os.rmdir, "f/a/b"),
            os.stat("f/a").st_nlink, outcome(os.mkdir, "f/x/y")]


@row("mknod")
def _():
    r = []
    for kind in (0o010000, 0o140000, 0o100000, 0o020000, 0o060000):
        r += [outcome(os.mknod, "nod", kind | 0o640, os.makedev(1, 3)),
              mode("nod"), os.lstat("nod").st_rdev,
              outcome(os.unlink, "nod"),
              as_nobody(os.mknod, "nod", kind | 0o640, os.makedev(1, 3)),
              outcome(os.unlink, "nod")]
    return r


@row("fallocate, holes, SEEK_DATA and SEEK_HOLE")
def _():
    fd = os.open("h", os.O_CREAT | os.O_RDWR, 0o600)
    M = 1 << 20

    def fa(how, at, n):
        return outcome(lambda: call("fallocate", fd, how,
                                    ctypes.c_long(at), ctypes.c_long(n)))

    os.pwrite(fd, b"x" * M, 2 * M)
    r = [fa(0, 4 * M, M), os.fstat(fd).st_size, fa(1, 8 * M, M),
         os.fstat(fd).st_size, fa(3, 2 * M, M // 2), fa(2, 0, M),
         fa(0, -1, 1), fa(0, 0, 0), fa(0x10, 0, M), os.pread(fd, 1, 2 * M)]
    r += [outcome(os.lseek, fd, *s) for s in (
        (0, os.SEEK_DATA), (0, os.SEEK_HOLE), (5 * M, os.SEEK_DATA),
        (-1, os.SEEK_SET), (3 * M, os.SEEK_HOLE), (0, os.SEEK_END))]
    os.close(fd)
    ro = os.open("h", os.O_RDONLY)
    r.append(outcome(lambda: call("fallocate", ro, 0, ctypes.c_long(0),
                                  ctypes.c_long(M))))
    os.close(ro)
    return r


@row("a sparse file of 1 TiB")
def _():
    make("tib")
    os.truncate("tib", 1 << 40)
    fd = os.open("tib", os.O_RDWR)
    os.pwrite(fd, b"end", (1 << 40) - 3)
    st = os.fstat(fd)
    r = [st.st_size, st.st_blocks < 100, os.pread(fd, 9, (1 << 40) - 3),
         os.lseek(fd, 0, os.SEEK_DATA)]
    os.close(fd)
    os.unlink("tib")
    return r


@row("copy_file_range")
def _():
    make("cf", b"0123456789")
    a = os.open("cf", os.O_RDWR)
    b = os.open("ct", os.O_CREAT | os.O_RDWR, 0o600)
    ap = os.open("ct", os.O_WRONLY | os.O_APPEND)
    r = [os.copy_file_range(a, b, 5, 2, 0), os.pread(b, 99, 0),
         os.copy_file_range(a, b, 99, 8, 20), os.fstat(b).st_size,
         os.copy_file_range(a, b, 5, 10), outcome(os.copy_file_range, b, ap, 1),
         outcome(os.copy_file_range, a, a, 5, 0, 2)]
    os.close(a), os.close(b), os.close(ap)
    return r


@row("locks")
def _():
    make("lk", b"0" * 100)
    fd = os.open("lk", os.O_RDWR)
    fcntl.lockf(fd, fcntl.LOCK_EX, 10, 20)

    def other(how, *args):
        def f():
            fd2 = os.open("lk", os.O_RDWR)
            how(fd2, *args)
        pid = os.fork()
        if pid == 0:
            os._exit(0 if outcome(f) == "ok" else 1)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    X = fcntl.LOCK_EX | fcntl.LOCK_NB
    S = fcntl.LOCK_SH | fcntl.LOCK_NB
    r = [other(fcntl.lockf, X, 10, 25), other(fcntl.lockf, X, 20, 0),
         other(fcntl.lockf, S, 1, 20), other(fcntl.flock, X)]
    fcntl.flock(fd, S)
    r += [other(fcntl.flock, X), other(fcntl.flock, S)]
    asked = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, struct.pack(
        "hhlliI", fcntl.F_WRLCK, 0, 0, 0, 0, 0))
    r.append(struct.unpack("hhlli", asked[:28])[0:4])
    os.close(fd)
    return r + [other(fcntl.lockf, X, 10, 25), other(fcntl.flock, X)]


@row("O_TMPFILE")
def _():
    return outcome(lambda: os.close(os.open(".", os.O_TMPFILE | os.O_RDWR)))


@row("extended attributes")
def _():
    make("xa")
    os.mkdir("xd")
    os.symlink("xa", "xl")
    S = os.setxattr
    r = [outcome(S, *c) for c in (
        ("xa", "user.a", b"1", os.XATTR_REPLACE), ("xa", "user.a", b"1"),
        ("xa", "user.a", b"1", os.XATTR_CREATE), ("xa", "user.e", b""),
        ("xa", "user." + "n" * 250, b"1"), ("xa", "user." + "n" * 251, b"1"),
        ("xa", "user.", b"1"), ("xa", "bogus.a", b"1"),
        ("xa", "user.big", b"b" * 70000), ("xd", "user.a", b"1"),
        ("xa", "trusted.a", b"1"), ("xa", "security.a", b"1"))]
    r += [outcome(lambda: S("xl", "user.a", b"1", follow_symlinks=False)),
          sorted(os.listxattr("xa")), outcome(os.getxattr, "xa", "user.no"),
          outcome(os.removexattr, "xa", "user.no"),
          outcome(os.getxattr, "xa", "user.e"),
          as_nobody(os.setxattr, "xa", "user.a", b"2")]
    return r


@row("access lists")
def _():
    def acl(*entries):
        return struct.pack("<I", 2) + b"".join(
            struct.pack("<HHI", t, p, i) for t, p, i in entries)
    U = 0xffffffff
    # owner rw, NOBODY r, group -, mask r, others -
    a = acl((1, 6, U), (2, 4, NOBODY), (4, 0, U), (16, 4, U), (32, 0, U))
    make("ac", b"x", mode=0o600)
    os.mkdir("ad")
    os.setxattr("ac", "system.posix_acl_access", a)
    os.setxattr("ad", "system.posix_acl_default", a)
    os.close(os.open("ad/f", os.O_CREAT | os.O_WRONLY, 0o666))
    os.mkdir("ad/d")
    r = [mode("ac"), as_nobody(lambda: open("ac").read()),
         as_nobody(lambda: open("ac", "r+").read()), mode("ad/f"),
         sorted(os.listxattr("ad/f")), sorted(os.listxattr("ad/d"))]
    os.chmod("ac", 0o660)
    return r + [os.getxattr("ac", "system.posix_acl_access") != a, mode("ac"),
                outcome(os.setxattr, "ac", "system.posix_acl_access", b"bad")]


@row("a path of 4095 bytes")
def _():
    here = os.open(".", os.O_RDONLY)
    for _ in range(16):
        os.mkdir("p" * 240)
        os.chdir("p" * 240)
    make("q" * 239, b"deep")
    r = open("q" * 239).read()
    os.fchdir(here)
    os.close(here)
    path = "/".join(["p" * 240] * 16 + ["q" * 239])
    return r, len(path), open(path).read(), outcome(os.open, path + "q", 0)


@row("5,000 descriptors at once")
def _():
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (6000, 6000))
    os.mkdir("many")
    fds = []
    for i in range(5000):
        fds.append(os.open("many/%d" % i, os.O_CREAT | os.O_RDWR, 0o600))
        os.write(fds[-1], b"%d" % i)
    good = all(os.pread(fd, 9, 0) == b"%d" % i for i, fd in enumerate(fds))
    for fd in fds:
        os.close(fd)
    return good, len(os.listdir("many"))


@row("statx: time of birth")
def _():
    make("bt")
    s = subprocess.run(["stat", "-c", "%W", "bt"], capture_output=True)
    return int(s.stdout) > 0


@row("statfs")
def _():
    v = os.statvfs(".")
    return [v.f_bavail > 0, v.f_bfree >= v.f_bavail, v.f_blocks >= v.f_bfree,
            v.f_files >= v.f_ffree > 0, v.f_namemax, v.f_frsize]


os.chdir(sys.argv[1])
os.umask(0o022)
os.chmod(".", 0o777)
for words, f in ROWS:
    print(words + ":", outcome(f), flush=True)
