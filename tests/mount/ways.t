#!/usr/bin/python3
"""ways: other ways to a file than its name and a system call of its own: file
handles, O_PATH, and io_uring, by its workers and with files that are registered
and not open any more.  None of them leads around write-once."""
import ctypes
import errno
import mmap
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import vaultkit as kit
from vaultkit import answer, call

kit.need_fuse()
if os.geteuid() != 0:
    kit.skip_all("not root: who may open a file by its handle")
tap = kit.Tap()
AT = -100
EMPTY_PATH, FOLLOW = 0x1000, 0x400


def make(path, data=b"first"):
    with open(path, "wb") as f:
        f.write(data)
    return path


def read(path):
    with open(path, "rb") as f:
        return f.read()


def state(path):
    return os.getxattr(path, "user.notary.state").decode()


def seal(path):
    os.setxattr(path, "user.notary.seal", b"1")
    os.getxattr(path, "user.notary.sealed")


# -- file handles
def handle(path):
    h, mount_id = ctypes.create_string_buffer(8 + 128), ctypes.c_int()
    struct.pack_into("<I", h, 0, 128)
    call("name_to_handle_at", AT, os.fsencode(path), h, ctypes.byref(mount_id), 0)
    return h


def by_handle(top, h, flags):
    fd = call("open_by_handle_at", top, h, flags)
    try:
        return os.read(fd, 9) if flags == os.O_RDONLY else None
    finally:
        os.close(fd)


def handles(m):
    top = os.open(m, os.O_RDONLY | os.O_DIRECTORY)
    got = []
    for i in range(50):
        h = handle(make(m + "/gone.part"))
        got.append(answer(by_handle, top, h, os.O_RDONLY))
        os.unlink(m + "/gone.part")
        make(m + "/next.part", b"next")  # has the first one's place in memory, now and then
        got.append(answer(by_handle, top, h, os.O_RDWR))
        os.unlink(m + "/next.part")
    tap.is_(set(got[::2]), {b"first"}, "a handle opens its file")
    tap.is_(set(got[1::2]), {"ESTALE"}, "and no other, when that one is gone")
    h = handle(make(m + "/kept"))
    seal(m + "/kept")
    tap.is_([answer(by_handle, top, h, x) for x in (os.O_RDONLY, os.O_RDWR, os.O_WRONLY | os.O_APPEND, os.O_RDONLY | os.O_TRUNC)],
            [b"first"] + ["EPERM"] * 3, "of what is sealed it opens for reading only")
    os.close(top)


# -- O_PATH
def paths(m):
    f = make(m + "/path")
    fd = os.open(f, os.O_PATH)
    seal(f)
    p = "/proc/self/fd/%d" % fd
    tap.is_([answer(x) for x in (
        lambda: os.close(os.open(p, os.O_RDWR)), lambda: os.truncate(p, 0), lambda: os.chmod(p, 0o600), lambda: os.chown(p, 1, 1), lambda: os.utime(p, (1, 1)),
        lambda: os.setxattr(p, "user.a", b"1"), lambda: call("linkat", fd, b"", AT, os.fsencode(m + "/path.tmp"), EMPTY_PATH),
        lambda: call("linkat", AT, p.encode(), AT, os.fsencode(m + "/path.tmp"), FOLLOW), lambda: call("fchownat", fd, b"", 1, 1, EMPTY_PATH))],
        ["EPERM"] * 9, "O_PATH of before it was sealed gives nothing")
    os.close(fd)


# -- io_uring
class Ring:
    SETUP, ENTER, REGISTER = 425, 426, 427

    def __init__(self):
        params = ctypes.create_string_buffer(120)
        self.fd = call("syscall", self.SETUP, 4, params)
        sq, cq = struct.unpack_from("<10I", params, 40), struct.unpack_from("<10I", params, 80)
        self.sq, self.cq = (mmap.mmap(self.fd, 4096, offset=at) for at in (0, 0x8000000))
        self.sqe = mmap.mmap(self.fd, 4096, offset=0x10000000)
        self.tail_at, self.array, self.head_at, self.cqes = sq[1], sq[6], cq[0], cq[5]
        self.mask, = struct.unpack_from("<I", self.cq, cq[2])

    def do(self, op, fd, off=0, addr=0, n=0, flags=0, addr3=0, how=0):
        """One request; how: IOSQE_FIXED_FILE 1, IOSQE_ASYNC 16."""
        place = [x if isinstance(x, int) else ctypes.addressof(x) for x in (off, addr, addr3)]
        struct.pack_into("<BBHiQQIIQHHiQQ", self.sqe, 0, op, how, 0, fd, place[0], place[1], n & 0xffffffff, flags, 0, 0, 0, 0, place[2], 0)
        tail, = struct.unpack_from("<I", self.sq, self.tail_at)
        struct.pack_into("<I", self.sq, self.array + 4 * (tail % 4), 0)
        struct.pack_into("<I", self.sq, self.tail_at, tail + 1)
        call("syscall", self.ENTER, self.fd, 1, 1, 1, None, 0)
        head, = struct.unpack_from("<I", self.cq, self.head_at)
        _, r, _ = struct.unpack_from("<QiI", self.cq, self.cqes + 16 * (head & self.mask))
        struct.pack_into("<I", self.cq, self.head_at, head + 1)
        return errno.errorcode[-r] if r < 0 else r

    def register(self, fds):
        call("syscall", self.REGISTER, self.fd, 2, (ctypes.c_int * len(fds))(*fds), len(fds))

    def close(self):
        for x in (self.sq, self.cq, self.sqe):
            x.close()
        os.close(self.fd)


FALLOCATE, OPENAT, WRITE, OPENAT2, RENAMEAT, UNLINKAT, LINKAT, SETXATTR = 17, 18, 23, 28, 35, 36, 39, 42


def text(s):
    return ctypes.create_string_buffer(s if isinstance(s, bytes) else os.fsencode(s))


def rings(m):
    try:
        ring = Ring()
    except OSError as e:
        tap.ok(True, "io_uring # SKIP " + e.strerror)
        return
    f = make(m + "/ring")
    fd = os.open(f, os.O_WRONLY | os.O_APPEND)
    ring.register([fd])
    os.close(fd)
    tap.is_((state(f), answer(seal, f)), ("open", "EBUSY"), "a registered file that can be written keeps it from being sealed")
    b = text(b" and more")
    tap.is_([ring.do(WRITE, 0, (1 << 64) - 1, b, 9, how=1 | x) for x in (0, 16)], [9, 9], "and is written")
    ring.close()
    tap.ok(kit.wait_for(lambda: state(f) == "settling"), "until the ring is gone")
    seal(f)
    data, ring, reader = read(f), Ring(), os.open(f, os.O_RDONLY)
    tap.is_(data, b"first" + b" and more" * 2, "what it wrote is there")
    ring.register([reader])
    p, new, how = text(f), text(m + "/new"), text(struct.pack("<QQQ", os.O_RDWR, 0, 0))
    other = text(make(m + "/other.part"))
    tries = (lambda x: ring.do(OPENAT, AT, 0, p, 0, os.O_WRONLY, how=x), lambda x: ring.do(OPENAT, AT, 0, p, 0, os.O_RDONLY | os.O_TRUNC, how=x),
             lambda x: ring.do(OPENAT2, AT, how, p, 24, how=x), lambda x: ring.do(RENAMEAT, AT, new, p, AT, how=x),
             lambda x: ring.do(RENAMEAT, AT, p, other, AT, how=x), lambda x: ring.do(RENAMEAT, AT, p, other, AT, 2, how=x),
             lambda x: ring.do(UNLINKAT, AT, 0, p, how=x), lambda x: ring.do(LINKAT, AT, text(m + "/ring.tmp"), p, AT, how=x),
             lambda x: ring.do(SETXATTR, 0, text(b"1"), text(b"user.a"), 1, 0, p, how=x))
    for x, words in ((0, "at once"), (16, "by a worker")):
        tap.is_([t(x) for t in tries], ["EPERM"] * len(tries), "what is sealed is refused to a ring, %s" % words)
        tap.is_([ring.do(WRITE, 0, 0, b, 4, how=1 | x), ring.do(FALLOCATE, 0, 0, 99, how=1 | x), ring.do(FALLOCATE, 0, 0, 4, 3, how=1 | x)],
                ["EBADF"] * 3, "and to a registered reader")
    tap.is_((read(f), state(f) in ("sealed", "notarized")), (data, True), "it is as it was")
    ring.close()
    os.close(reader)


v = kit.Vault(settle="1h")
v.mount()
handles(v.mnt)
paths(v.mnt)
rings(v.mnt)
# the kernel lets go of a ring's files some time after its end
tap.ok(kit.wait_for(lambda: kit.run(kit.NOTARYFS, "umount", v.mnt).returncode == 0), "the mount ends when the rings are gone")
tap.done()
