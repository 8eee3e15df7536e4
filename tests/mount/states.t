#!/usr/bin/python3
"""states: every operation in every state, cell by cell.

A file is made, brought into a state, one thing is done to it, and what that says
is compared with the table below: "ok", or the name of an errno.  Whatever is
done to a sealed file, it stays as it is, to the last attribute.  Sealed is tried
over minimount, where nothing becomes final; notarized on a whole vault."""
import ctypes
import errno
import fcntl
import os
import signal
import socket
import stat
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import vaultkit as kit
from vaultkit import call, libc, said

kit.need_fuse()
if os.geteuid() != 0:
    kit.skip_all("not root: files are given to others, and devices made")
tap = kit.Tap()
NOREPLACE, EXCHANGE = 1, 2
GETFLAGS, SETFLAGS, IMMUTABLE = 0x80086601, 0x40086602, 0x10
KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16
UNSEALED, SEALED = ("open", "settling", "frozen"), ("sealed", "notarized")
TEXT = b"content of a file\n"
# owner rw, uid 1 r, group -, mask r, others -
ACL = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in (
    (1, 6, 0xffffffff), (2, 4, 1), (4, 0, 0xffffffff), (16, 4, 0xffffffff), (32, 0, 0xffffffff)))


def rename2(a, b, flags):
    call("renameat2", -100, os.fsencode(a), -100, os.fsencode(b), flags)


def attr(path, name):
    try:
        return os.getxattr(path, "user.notary." + name, follow_symlinks=False).decode()
    except OSError as e:
        return errno.errorcode[e.errno]


def state(path):
    return attr(path, "state")


def until(path, *states):
    return kit.wait_for(lambda: state(path) in states, step=0.002)


def seal(path):
    os.setxattr(path, "user.notary.seal", b"1")


def seal_link(path):
    os.setxattr(os.path.dirname(path), "user.notary.seal", b"link:" + os.fsencode(os.path.basename(path)))


def flags(path, change):
    fd = os.open(path, os.O_RDONLY)
    try:
        now = struct.unpack("l", fcntl.ioctl(fd, GETFLAGS, struct.pack("l", 0)))[0]
        fcntl.ioctl(fd, SETFLAGS, struct.pack("l", change(now)))
    finally:
        os.close(fd)


def look(path):
    """All that must not change of what is sealed; the time of change may, by
    another name."""
    s = os.lstat(path)
    what = [s.st_mode, s.st_uid, s.st_gid, s.st_size, s.st_mtime_ns, s.st_ino]
    if stat.S_ISLNK(s.st_mode):
        return what + [os.readlink(path)]  # which moves its time of access
    with open(path, "rb") as f:
        what += [f.read(), s.st_atime_ns]
    return what + sorted((x, os.getxattr(path, x)) for x in os.listxattr(path))


class File:
    """A new file in that state, in a folder of its own."""
    n = 0

    def __init__(self, top, st):
        File.n += 1
        self.dir = os.path.join(top, "%d" % File.n)
        os.mkdir(self.dir)
        self.path, self.fd = self.beside("f"), None
        self.make(self.path, st)

    def make(self, path, st):
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        os.write(fd, TEXT)
        os.setxattr(path, "user.k", b"v")
        if st == "open":
            self.fd = fd
        else:
            os.close(fd)
        if st == "frozen":
            os.chmod(path, 0o444)
        if st in SEALED:
            seal(path)
        if not until(path, st):
            raise RuntimeError("%s is %s, not %s" % (path, state(path), st))

    def beside(self, name):
        return os.path.join(self.dir, name)

    def other(self, st, name="other"):
        """A second file in that state, whose writer stays, too."""
        mine, self.fd = self.fd, None
        self.make(self.beside(name), st)
        self.fd, self.fd2 = mine, self.fd
        return self.beside(name)

    def close(self):
        for fd in (self.fd, getattr(self, "fd2", None)):
            if fd is not None:
                os.close(fd)
        self.fd = self.fd2 = None


def reader(how):
    """How applied to a descriptor that only reads."""
    def do(f):
        fd = os.open(f.path, os.O_RDONLY)
        try:
            how(fd)
        finally:
            os.close(fd)
    return do


def opened(how, then=None):
    def do(f):
        fd = os.open(f.path, how, 0o644)
        try:
            if state(f.path) != "open":
                raise RuntimeError("opened and not open")
            if then is not None:
                then(fd)
        finally:
            os.close(fd)
    return do


def fallocate(fd, mode, at, n):
    call("fallocate", fd, mode, ctypes.c_long(at), ctypes.c_long(n))


def copy_range(fd):
    with open("/proc/self/exe", "rb") as f:  # the copy on one file system is the row below
        os.lseek(fd, 0, os.SEEK_SET)
        os.copy_file_range(f.fileno(), fd, 10)


def copy_within(f, fd):
    src = f.beside("src")
    with open(src, "wb") as s:
        s.write(b"0123456789")
    with open(src, "rb") as s:
        os.copy_file_range(s.fileno(), fd, 10, 0, 0)


def map_shared(fd, write=True):
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
    m = libc.mmap(None, 4096, 3 if write else 1, 1, fd, 0)
    if m == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "mmap")
    return m


def unmap(m):
    libc.munmap(ctypes.c_void_p(m), ctypes.c_size_t(4096))


def row(words, do, open, settling, frozen, sealed, then=None):
    """then: {state: what it is in afterwards}, a writer being closed first."""
    ROWS.append((words, do, {"open": open, "settling": settling, "frozen": frozen, "sealed": sealed, "notarized": sealed},
                 then or {}))


def all_ok(words, do):
    row(words, do, "ok", "ok", "ok", "ok")


def unsealed(words, do, then=None):
    row(words, do, "ok", "ok", "ok", "EPERM", then)


def writers(words, do, then=None):
    row(words, do, "ok", "ok", "EPERM", "EPERM", then)


ROWS = []
# -- looking
all_ok("read", reader(lambda fd: os.read(fd, 99)))
all_ok("lseek SEEK_DATA", reader(lambda fd: os.lseek(fd, 0, os.SEEK_DATA)))
all_ok("lseek SEEK_HOLE", reader(lambda fd: os.lseek(fd, 0, os.SEEK_HOLE)))
all_ok("flock", reader(lambda fd: fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)))
all_ok("fcntl lock", reader(lambda fd: fcntl.lockf(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)))
all_ok("fsync of a reader", reader(os.fsync))
all_ok("mmap to read", reader(lambda fd: unmap(map_shared(fd, False))))
all_ok("getxattr", lambda f: os.getxattr(f.path, "user.k"))
all_ok("listxattr", lambda f: os.listxattr(f.path))
all_ok("a reader gets no writable mapping", reader(lambda fd: said(map_shared, fd) == "EACCES" or 1 / 0))
all_ok("nor writes", reader(lambda fd: said(os.write, fd, b"x") == "EBADF" or 1 / 0))
all_ok("nor cuts", reader(lambda fd: said(os.ftruncate, fd, 1) == "EINVAL" or 1 / 0))
all_ok("nor punches holes", reader(lambda fd: said(fallocate, fd, KEEP_SIZE | PUNCH_HOLE, 0, 1) == "EBADF" or 1 / 0))
all_ok("nor is copied to", reader(lambda fd: said(copy_range, fd) == "EBADF" or 1 / 0))

# -- writing
to_open = {"open": "settling", "settling": "settling"}
for words, how in (("O_WRONLY", os.O_WRONLY), ("O_RDWR", os.O_RDWR), ("O_WRONLY|O_APPEND", os.O_WRONLY | os.O_APPEND),
                   ("O_WRONLY|O_TRUNC", os.O_WRONLY | os.O_TRUNC), ("O_WRONLY|O_CREAT", os.O_WRONLY | os.O_CREAT),
                   ("O_RDWR|O_CREAT|O_TRUNC", os.O_RDWR | os.O_CREAT | os.O_TRUNC)):
    writers(words, opened(how), to_open)
writers("O_RDONLY|O_TRUNC", lambda f: os.close(os.open(f.path, os.O_RDONLY | os.O_TRUNC)), to_open)
row("O_CREAT|O_EXCL", opened(os.O_WRONLY | os.O_CREAT | os.O_EXCL), *["EEXIST"] * 4)
writers("a reader opened anew to write", reader(lambda fd: os.close(os.open("/proc/self/fd/%d" % fd, os.O_RDWR))), to_open)
writers("truncate", lambda f: os.truncate(f.path, 1), to_open)
writers("truncate to more", lambda f: os.truncate(f.path, 5000), to_open)
writers("truncate to the same", lambda f: os.truncate(f.path, len(TEXT)), to_open)
for words, then in (("write", lambda fd: os.write(fd, b"more")), ("pwrite", lambda fd: os.pwrite(fd, b"more", 3)),
                    ("ftruncate", lambda fd: os.ftruncate(fd, 3)), ("fallocate", lambda fd: fallocate(fd, 0, 0, 9999)),
                    ("fallocate KEEP_SIZE", lambda fd: fallocate(fd, KEEP_SIZE, 0, 9999)),
                    ("punch hole", lambda fd: fallocate(fd, KEEP_SIZE | PUNCH_HOLE, 0, 4096)),
                    ("mmap to write", lambda fd: unmap(map_shared(fd)))):
    writers(words + " of a writer", opened(os.O_RDWR, then), to_open)
writers("copy_file_range of a writer", lambda f: opened(os.O_RDWR, lambda fd: copy_within(f, fd))(f), to_open)

# -- names
unsealed("rename", lambda f: os.rename(f.path, f.beside("g")))
unsealed("rename to another folder", lambda f: (os.mkdir(f.beside("d")), os.rename(f.path, f.beside("d/f"))))
unsealed("rename NOREPLACE", lambda f: rename2(f.path, f.beside("g"), NOREPLACE))
row("rename NOREPLACE onto a file", lambda f: rename2(f.path, f.other("settling"), NOREPLACE), *["EEXIST"] * 4)
for st in UNSEALED:
    unsealed("rename onto a file that is " + st, lambda f, st=st: os.rename(f.path, f.other(st)))
    unsealed("exchange with a file that is " + st, lambda f, st=st: rename2(f.path, f.other(st), EXCHANGE))
    unsealed("a file that is %s renamed onto it" % st, lambda f, st=st: os.rename(f.other(st), f.path))
    unsealed("a file that is %s exchanged with it" % st, lambda f, st=st: rename2(f.other(st), f.path, EXCHANGE))
for st in SEALED:
    row("rename onto a file that is " + st, lambda f, st=st: os.rename(f.path, f.other(st)), *["EPERM"] * 4)
    row("exchange with a file that is " + st, lambda f, st=st: rename2(f.path, f.other(st), EXCHANGE), *["EPERM"] * 4)
unsealed("a temp file renamed onto it", lambda f: os.rename(f.other("temp", "x.tmp"), f.path))
unsealed("a scratch file renamed onto it", lambda f: os.rename(f.other("scratch", ".x.swp"), f.path))
unsealed("a symlink renamed onto it", lambda f: (os.symlink("x", f.beside("l")), os.rename(f.beside("l"), f.path)))
unsealed("a FIFO renamed onto it", lambda f: (os.mkfifo(f.beside("p")), os.rename(f.beside("p"), f.path)))
row("a folder renamed onto it", lambda f: (os.mkdir(f.beside("d")), os.rename(f.beside("d"), f.path)), *["ENOTDIR"] * 4)
unsealed("exchange with a folder", lambda f: (os.mkdir(f.beside("d")), rename2(f.path, f.beside("d"), EXCHANGE)))
unsealed("rename to a temp name", lambda f: os.rename(f.path, f.beside("x.tmp")))
unsealed("rename to a scratch name", lambda f: os.rename(f.path, f.beside(".x.swp")))
unsealed("rename below a temp folder", lambda f: (os.mkdir(f.beside("d.part")), os.rename(f.path, f.beside("d.part/f"))))
unsealed("unlink", lambda f: os.unlink(f.path))
all_ok("link", lambda f: os.link(f.path, f.beside("g")))
unsealed("link to a temp name", lambda f: os.link(f.path, f.beside("x.tmp")))
unsealed("link to a scratch name", lambda f: os.link(f.path, f.beside(".x.swp")))
row("link onto a file", lambda f: os.link(f.path, f.other("settling")), *["EEXIST"] * 4)
unsealed("rename of its folder", lambda f: os.rename(f.dir, f.dir + "x"))
unsealed("its folder renamed onto an empty one", lambda f: (os.mkdir(f.dir + "x"), os.rename(f.dir, f.dir + "x")))
unsealed("its folder exchanged with another", lambda f: (os.mkdir(f.dir + "x"), rename2(f.dir, f.dir + "x", EXCHANGE)))
unsealed("the other way", lambda f: (os.mkdir(f.dir + "x"), rename2(f.dir + "x", f.dir, EXCHANGE)))
row("an empty folder renamed onto its folder", lambda f: (os.mkdir(f.dir + "x"), os.rename(f.dir + "x", f.dir)),
    *["ENOTEMPTY"] * 3, "EPERM")
row("rmdir of its folder", lambda f: os.rmdir(f.dir), *["ENOTEMPTY"] * 4)
all_ok("a folder made and removed beside it", lambda f: (os.mkdir(f.beside("d")), os.rmdir(f.beside("d"))))
all_ok("a file made and removed beside it", lambda f: os.unlink(f.other("settling")))
all_ok("mode, owner, times and attributes of its folder", lambda f: (
    os.chmod(f.dir, 0o700), os.chown(f.dir, 1, 1), os.utime(f.dir, (1, 1)), os.setxattr(f.dir, "user.x", b"y"),
    os.removexattr(f.dir, "user.x"), os.setxattr(f.dir, "system.posix_acl_default", ACL)))

# -- attributes
unsealed("chmod", lambda f: os.chmod(f.path, 0o600))
unsealed("chown", lambda f: os.chown(f.path, 1, 1))
unsealed("fchmod of a reader", reader(lambda fd: os.fchmod(fd, 0o600)))
unsealed("fchown of a reader", reader(lambda fd: os.fchown(fd, 1, -1)))
unsealed("utimens", lambda f: os.utime(f.path, (1, 1)))
unsealed("utimens to now", lambda f: os.utime(f.path))
unsealed("futimens of a reader", reader(lambda fd: os.utime(fd, (1, 1))))
unsealed("setxattr", lambda f: os.setxattr(f.path, "user.k", b"w"))
unsealed("setxattr of another", lambda f: os.setxattr(f.path, "user.l", b""))
unsealed("setxattr trusted", lambda f: os.setxattr(f.path, "trusted.k", b"w"))
unsealed("removexattr", lambda f: os.removexattr(f.path, "user.k"))
unsealed("an access list", lambda f: os.setxattr(f.path, "system.posix_acl_access", ACL))
all_ok("chmod to the same", lambda f: os.chmod(f.path, os.stat(f.path).st_mode & 0o7777))
all_ok("chown to the same", lambda f: os.chown(f.path, os.stat(f.path).st_uid, os.stat(f.path).st_gid))
all_ok("chown of nothing", lambda f: os.chown(f.path, -1, -1))
all_ok("utimens to the same", lambda f: os.utime(f.path, ns=(os.stat(f.path).st_atime_ns, os.stat(f.path).st_mtime_ns)))
all_ok("setxattr to the same", lambda f: os.setxattr(f.path, "user.k", b"v"))
row("removexattr of none", lambda f: os.removexattr(f.path, "user.none"), *["ENODATA"] * 4)

# -- freezing and sealing
freezes = {"open": "frozen", "settling": "frozen", "frozen": "frozen"}
unsealed("chmod a-w", lambda f: os.chmod(f.path, os.stat(f.path).st_mode & 0o555), freezes)
# As long as there is a writer it may be taken back.
unsealed("chmod a-w and back", lambda f: (os.chmod(f.path, 0o444), os.chmod(f.path, 0o644)), dict(freezes, open="settling"))
row("user.notary.seal", lambda f: seal(f.path), "EBUSY", "ok", "ok", "ok", {"open": "settling", "settling": "sealed", "frozen": "sealed"})
row("SETFLAGS +i", lambda f: flags(f.path, lambda x: x | IMMUTABLE), "EBUSY", "ok", "ok", "ok",
    {"open": "settling", "settling": "sealed", "frozen": "sealed"})
# It is not set, so nothing is taken away.
unsealed("SETFLAGS -i", lambda f: flags(f.path, lambda x: x & ~IMMUTABLE))
row("SETFLAGS of another", lambda f: flags(f.path, lambda x: x | 0x20), *["ENOTSUP"] * 4)


def cells(top, states):
    for words, do, want, then in ROWS:
        got, changed, after = {}, [], {}
        for st in states:
            f = File(top, st)
            before = look(f.path) if st in SEALED else None
            got[st] = said(do, f)
            if before is not None and (not os.path.exists(f.path) or look(f.path) != before or state(f.path) not in SEALED):
                changed.append(st)
            f.close()
            if st in then and got[st] in ("ok", "EBUSY"):
                ends = ("sealed", "notarized") if then[st] == "sealed" else (then[st],)
                after[st] = then[st] if until(f.path, *ends) else state(f.path)
        tap.is_((got, changed, after),
                ({st: want[st] for st in states}, [], {st: then[st] for st in states if st in then and want[st] in ("ok", "EBUSY")}),
                "%s: %s" % (states[0] if len(states) == 1 else "every state", words))


def discarded(top):
    """What is replaced before it was sealed is gone, bytes and all."""
    f = File(top, "settling")
    with open(f.other("frozen"), "rb") as old:
        os.rename(f.path, f.beside("other"))
        tap.is_((open(f.beside("other"), "rb").read(), os.fstat(old.fileno()).st_nlink), (TEXT, 0), "what is replaced unsealed is gone")
    f = File(top, "open")
    os.unlink(f.path)
    tap.is_((os.write(f.fd, b"more"), os.pread(f.fd, 99, 0)), (4, TEXT + b"more"), "an unlinked open file is written and read on")
    f.close()


def names_before(top):
    """All names that a file had are sealed with it, by whichever it was asked."""
    f = File(top, "settling")
    g = f.beside("g")
    os.link(f.path, g)
    seal(g)
    until(f.path, *SEALED), until(g, *SEALED)
    tap.is_([said(x) for p in (f.path, g) for x in (
        lambda: os.unlink(p), lambda: os.rename(p, f.beside("x")), lambda: os.truncate(p, 0), lambda: os.chmod(p, 0o600),
        lambda: os.rename(f.other("settling"), p), lambda: os.close(os.open(p, os.O_WRONLY)))], ["EPERM"] * 12,
        "a link made before sealing is sealed as well")


def writers_before(top):
    """What was opened or mapped to write before holds the seal off."""
    f = File(top, "open")
    m = map_shared(f.fd)
    fd, f.fd = os.dup(f.fd), f.fd
    os.close(fd)
    tap.is_((state(f.path), said(seal, f.path)), ("open", "EBUSY"), "a writer keeps a file open, if a copy of its descriptor was closed")
    f.close()
    tap.is_((state(f.path), said(seal, f.path)), ("open", "EBUSY"), "so does a mapping when there is no descriptor any more")
    ctypes.memmove(ctypes.c_void_p(m), b"MAPPED", 6)
    unmap(m)
    tap.ok(until(f.path, "settling"), "until it is gone")
    tap.is_(open(f.path, "rb").read()[:6], b"MAPPED", "what was written there is there")


def empty(top):
    """No content, no commit; but whoever asks for a seal gets it."""
    f = File(top, "settling")
    e = f.beside("e")
    os.close(os.open(e, os.O_WRONLY | os.O_CREAT, 0o444))
    os.chmod(e, 0o444)
    tap.is_((state(e), said(os.truncate, e, 5), said(os.truncate, e, 0)), ("settling", "ok", "ok"), "an empty file is not frozen")
    seal(e)
    tap.ok(until(e, *SEALED), "but sealed when it is asked for")
    tap.is_(said(os.truncate, e, 5), "EPERM", "and then it stays empty")
    g = f.beside("g")
    fd = os.open(g, os.O_WRONLY | os.O_CREAT, 0o444)
    os.write(fd, TEXT)
    os.close(fd)
    tap.is_((until(g, "settling"), said(os.close, os.open(g, os.O_WRONLY))), (True, "ok"), "made with mode 0444 is not frozen")


def others(top):
    """Symlinks are sealed as files are; FIFOs, sockets and devices never."""
    f = File(top, "settling")
    l = f.beside("l")
    os.symlink("target", l)
    os.symlink("another", f.beside("m"))
    tap.is_((said(os.rename, f.beside("m"), l), os.readlink(l)), ("ok", "another"), "a symlink that settles is replaced")
    seal_link(l)
    before = look(l)
    until(l, *SEALED)
    os.symlink("third", f.beside("m"))
    tap.is_([said(x) for x in (
        lambda: os.unlink(l), lambda: os.rename(l, f.beside("x")), lambda: os.rename(f.beside("m"), l),
        lambda: rename2(l, f.beside("m"), EXCHANGE), lambda: os.lchown(l, 1, 1), lambda: os.utime(l, (1, 1), follow_symlinks=False),
        lambda: os.link(l, f.beside("x.tmp"), follow_symlinks=False), lambda: os.link(l, f.beside("n"), follow_symlinks=False))],
        ["EPERM"] * 7 + ["ok"], "a sealed one stays, and may get another name")
    tap.is_(look(l), before, "as it was")
    sock = socket.socket(socket.AF_UNIX)
    os.chdir(f.dir)
    sock.bind("sock")
    sock.close()
    os.chdir("/")
    os.mkfifo(f.beside("fifo"))
    os.mknod(f.beside("null"), stat.S_IFCHR | 0o600, os.makedev(1, 3))
    for what in ("fifo", "sock", "null"):
        p = f.beside(what)
        tap.is_([said(x) for x in (lambda: os.chmod(p, 0o600), lambda: os.chown(p, 1, 1), lambda: os.utime(p, (1, 1)), lambda: os.rename(p, p + "2"),
                                   lambda: os.unlink(p + "2"))], ["ok"] * 5, "a %s passes through, and goes" % what)


def versions(v):
    """In class version a name goes in every state, and what was final is kept."""
    top = v.mnt + "/mirror"
    os.mkdir(top)
    os.setxattr(top, "user.notary.preset", b"mirror")
    deleted = v.mnt + "/.notary/deleted/mirror/"
    for st in ("open", "settling", "notarized"):  # it is not frozen: it may be written anew
        for words, do in (("unlink", lambda f: os.unlink(f.path)), ("rename", lambda f: os.rename(f.path, f.beside("g"))),
                          ("a file renamed onto it", lambda f: os.rename(f.other("settling"), f.path))):
            f = File(top, st)
            got = said(do, f)
            f.close()
            kept = os.path.join(deleted, os.path.basename(f.dir), "f")
            past = os.path.join(v.mnt, ".notary/history/mirror", os.path.basename(f.dir), "f/1")
            was = [open(p, "rb").read() for p in (kept, past) if os.path.exists(p)]
            tap.is_((got, TEXT in was), ("ok", st == "notarized"), "class version, %s: %s" % (st, words))


# -- sealed and not final
top = kit.tempfile.mkdtemp(prefix="notaryfs-states-")
os.mkdir(top + "/files"), os.mkdir(top + "/m")
mini = subprocess.Popen([os.path.join(kit.BUILD, "tests/minimount"), top + "/files", top + "/db", top + "/m", "settle=1h", "empty_settle=1h"],
                        stdout=subprocess.PIPE)
try:
    if mini.stdout.readline() != b"mounted\n":
        sys.exit("Bail out! no mount")
    ALL, ROWS = ROWS, [r for r in ROWS if not r[0].endswith("notarized")]
    cells(top + "/m", UNSEALED + ("sealed",))
    for f in (discarded, names_before, writers_before, empty, others):
        f(top + "/m")
finally:
    mini.send_signal(signal.SIGTERM)
    try:
        ended = mini.wait(60)
    except subprocess.TimeoutExpired:
        mini.kill()
        ended = mini.wait()
    if os.path.ismount(top + "/m"):
        kit.run("umount", "-l", top + "/m")
    kit.drop(top)
tap.is_(ended, 0, "the mount ends well")

# -- final
v = kit.Vault(settle="1h")
v.mount()
ROWS = [r for r in ALL if not r[0].endswith(" sealed")]
cells(v.mnt, ("notarized",))
for f in (names_before, others):
    f(v.mnt)
versions(v)
v.close()
tap.done()
