#!/usr/bin/python3
"""The ways around write-once that other systems leave open, one check each,
on files that a timer seals; and what long paths, many descriptors, access lists
and locks come to when their files are sealed."""
import ctypes
import fcntl
import hashlib
import mmap
import os
import resource
import shutil
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import NOTARYFS, VERIFY, Tap, Vault, call, need_fuse, run, said, wait_for

need_fuse()
if os.getuid() != 0:
    print("1..0 # SKIP what root may not do either is tried by root")
    sys.exit(0)
t = Tap()
v = Vault(settle="500ms")
v.mount()
os.chdir(v.mnt)
MANY = 3000
last = {}    # what each file has to be in the end


def rename2(a, b, flags):
    call("renameat2", -100, a.encode(), -100, b.encode(), flags)


def allocate(fd, mode, at, n):
    call("fallocate", fd, mode, ctypes.c_long(at), ctypes.c_long(n))


def make(name, data=b"sealed\n", mode=0o644):
    with open(name, "wb") as f:
        f.write(data)
    os.chmod(name, mode)
    last[name] = data
    return name


def state(name):
    return os.getxattr(name, "user.notary.state").decode()


def is_sealed(name):
    return state(name) in ("sealed", "notarized")


def sealed(name, *more):
    """Made, and sealed by its timer."""
    make(name, *more)
    wait_for(lambda: is_sealed(name))
    return name


def refused(words, f, *args, **kw):
    t.is_(said(f, *args, **kw), "EPERM", words)


# -- names
os.makedirs("d/e")
x, other = sealed("d/e/x"), make("other")
refused("rename onto a sealed file", os.rename, other, x)
refused("rename of a sealed file", os.rename, x, "d/e/y")
refused("rename of its folder", os.rename, "d/e", "d/f")
refused("rename of a folder above", os.rename, "d", "f")
os.makedirs("free")
refused("a folder renamed onto its folder", os.rename, "free", "d/e")
refused("exchange with a sealed file", rename2, other, x, 2)
refused("exchange the other way round", rename2, x, other, 2)
refused("exchange of a folder above", rename2, "free", "d", 2)
t.is_(said(rename2, other, x, 1), "EEXIST", "NOREPLACE onto a sealed file")
refused("rename to a temporary name", os.rename, x, "d/e/x.tmp")
refused("rename to a scratch name", os.rename, x, "d/e/.x.swp")
refused("a second, temporary name", os.link, x, "d/e/x.tmp")
refused("a second, scratch name", os.link, x, "d/e/.x.swp")
t.is_(said(os.link, x, "alias"), "ok", "a second name that is sealed as well")
refused("unlink of the second name", os.unlink, "alias")
refused("unlink of the first", os.unlink, x)

# -- a name that was there before
make("before")
os.link("before", "before2")
last["before2"] = last["before"]
wait_for(lambda: is_sealed("before"))
t.ok(is_sealed("before2"), "a link made before sealing is sealed as well")
refused("and not written through", open, "before2", "ab")
refused("nor removed", os.unlink, "before2")
make("spare.part")
os.link("spare.part", "kept")
last["kept"] = last.pop("spare.part")
wait_for(lambda: is_sealed("kept"))
refused("a temporary name of before does not open it", open, "spare.part", "ab")
refused("nor is renamed", os.rename, "spare.part", "kept2")
t.is_(said(os.unlink, "spare.part"), "ok", "but may go")

# -- content
refused("truncate", os.truncate, x, 0)
refused("truncate to its own size", os.truncate, x, 7)
for flags, words in ((os.O_WRONLY, "O_WRONLY"), (os.O_RDWR, "O_RDWR"), (os.O_RDONLY | os.O_TRUNC, "O_TRUNC alone"),
                     (os.O_WRONLY | os.O_APPEND, "O_APPEND"), (os.O_WRONLY | os.O_CREAT, "O_CREAT")):
    refused("open with " + words, os.open, x, flags)
fd = os.open(x, os.O_RDONLY)
path = "/proc/self/fd/%d" % fd
refused("open to write by a descriptor that reads", os.open, path, os.O_RDWR)
refused("truncate by it", os.truncate, path, 0)
t.is_(said(os.ftruncate, fd, 0), "EINVAL", "ftruncate of it")
t.is_(said(allocate, fd, 0, 0, 100000), "EBADF", "fallocate of it")
t.is_(said(allocate, fd, 3, 0, 4), "EBADF", "a hole punched by it")
t.is_(said(os.write, fd, b"no"), "EBADF", "write to it")
t.is_(said(mmap.mmap, fd, 7, mmap.MAP_SHARED, mmap.PROT_WRITE), "EACCES", "a mapping of it to write")
m = mmap.mmap(fd, 7, mmap.MAP_SHARED, mmap.PROT_READ)
m.close()
source = os.open(other, os.O_RDONLY)
t.is_(said(os.copy_file_range, source, fd, 5), "EBADF", "copy_file_range to it")
os.close(source)
refused("fchmod by it", os.fchmod, fd, 0o600)
refused("fchown by it", os.fchown, fd, 1, 1)
refused("futimens by it", os.utime, fd, (1, 1))
refused("fsetxattr by it", os.setxattr, fd, "user.a", b"1")
os.close(fd)

# -- metadata
refused("chmod", os.chmod, x, 0o777)
refused("chown", os.chown, x, 1, 1)
refused("utimes", os.utime, x, (1, 1))
refused("setxattr", os.setxattr, x, "user.a", b"1")
t.is_(said(os.removexattr, x, "user.none"), "ENODATA", "removexattr of one that is not there")
t.is_(said(os.setxattr, x, "user.none", b"1", os.XATTR_REPLACE), "ENODATA", "nor can it be replaced")
acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in (
    (1, 6, 0xffffffff), (2, 4, 65534), (4, 4, 0xffffffff), (16, 4, 0xffffffff), (32, 4, 0xffffffff)))
refused("an access list", os.setxattr, x, "system.posix_acl_access", acl)
make("listed")
os.setxattr("listed", "system.posix_acl_access", acl)
wait_for(lambda: is_sealed("listed"))
t.is_(os.getxattr("listed", "system.posix_acl_access"), acl, "an access list of before stays")
refused("and is not removed", os.removexattr, "listed", "system.posix_acl_access")
t.is_(said(os.setxattr, "listed", "system.posix_acl_access", acl), "ok", "setting it again is no change")
make("attributed")
os.setxattr("attributed", "user.a", b"1")
wait_for(lambda: is_sealed("attributed"))
refused("removexattr", os.removexattr, "attributed", "user.a")
t.is_(said(os.setxattr, "attributed", "user.a", b"1", os.XATTR_CREATE), "EEXIST", "what is there is not made")
t.is_(said(os.setxattr, "attributed", "user.a", b"1", os.XATTR_REPLACE), "ok", "replaced by the same is no change")
refused("but not by another", os.setxattr, "attributed", "user.a", b"2", os.XATTR_REPLACE)
refused("nor is a new one made", os.setxattr, "attributed", "user.b", b"1", os.XATTR_CREATE)
t.is_(run("chacl", "-B", "attributed").returncode if shutil.which("chacl") else 0, 0, "chacl -B of what has no list")
refused("an access list of another mode", os.setxattr, "attributed", "system.posix_acl_access", struct.pack("<I", 2) +
        b"".join(struct.pack("<HHI", tag, 7, 0xffffffff) for tag in (1, 4, 32)))

# -- old descriptors and mappings
fd = os.open("old", os.O_CREAT | os.O_RDWR)
os.write(fd, b"first\n")
copy = os.dup(fd)
child = subprocess.Popen(["sleep", "60"], pass_fds=[fd], start_new_session=True)
os.close(fd)
os.close(copy)
mark = sealed("mark1")
t.is_(state("old"), "open", "a descriptor that another process has keeps it from being sealed")
with open("/proc/%d/fd/%d" % (child.pid, fd), "ab") as f:
    f.write(b"second\n")
child.kill()
child.wait()
last["old"] = b"first\nsecond\n"
t.ok(wait_for(lambda: is_sealed("old")), "until that one has closed it")
fd = os.open("mapped", os.O_CREAT | os.O_RDWR)
os.write(fd, b"m" * 5000)
m = mmap.mmap(fd, 5000)
os.close(fd)
sealed("mark2")
t.is_(state("mapped"), "open", "a writable mapping keeps it from being sealed, long after close")
m[4000:4005] = b"later"
m.close()
last["mapped"] = b"m" * 4000 + b"later" + b"m" * 995
t.ok(wait_for(lambda: is_sealed("mapped")), "until it is unmapped")
t.is_(os.getxattr("mapped", "user.notary.record").count(hashlib.sha256(last["mapped"]).digest()), 1,
      "and what was stored last is what is recorded")
fd = os.open("protected", os.O_CREAT | os.O_RDWR)
os.write(fd, b"p" * 4096)
m = mmap.mmap(fd, 4096, mmap.MAP_SHARED, mmap.PROT_READ)
os.close(fd)
sealed("mark3")
t.is_(state("protected"), "open", "so does a mapping that mprotect could make writable")
m.close()
last["protected"] = b"p" * 4096

# -- nothing in it yet
open("empty", "w").close()
os.chmod("empty", 0o444)
sealed("mark4")
t.is_(state("empty"), "settling", "an empty file is neither frozen nor sealed before its time")
os.chmod("empty", 0o644)
make("empty", b"filled by name\n")
t.ok(wait_for(lambda: is_sealed("empty")), "and is when it was filled")

# -- locks
fd = os.open(x, os.O_RDONLY)
one = os.open(x, os.O_RDONLY)
t.is_(said(fcntl.flock, fd, fcntl.LOCK_EX | fcntl.LOCK_NB), "ok", "flock of a sealed file")
t.is_(said(fcntl.flock, one, fcntl.LOCK_SH | fcntl.LOCK_NB), "EAGAIN", "keeps others out")
fcntl.flock(fd, fcntl.LOCK_UN)
t.is_(said(fcntl.lockf, fd, fcntl.LOCK_SH | fcntl.LOCK_NB), "ok", "a POSIX lock to read")
t.is_(said(fcntl.lockf, fd, fcntl.LOCK_EX | fcntl.LOCK_NB), "EBADF", "one to write wants a descriptor that writes")
lock = struct.pack("hhlliI", fcntl.F_RDLCK, 0, 0, 0, 0, 0)
t.is_(said(fcntl.fcntl, fd, fcntl.F_OFD_SETLK, lock), "ok", "an OFD lock to read")
os.close(one)
os.close(fd)
fd = os.open(".lock.swp", os.O_CREAT | os.O_RDWR)
write = struct.pack("hhlliI", fcntl.F_WRLCK, 0, 0, 10, 0, 0)
fcntl.fcntl(fd, fcntl.F_OFD_SETLK, write)
one = os.open(".lock.swp", os.O_RDWR)
t.is_(said(fcntl.fcntl, one, fcntl.F_OFD_SETLK, write), "EAGAIN", "OFD locks of two descriptors exclude each other")
waiter = subprocess.Popen([sys.executable, "-c", """
import fcntl, os, sys
fd = os.open(".lock.swp", os.O_RDWR)
print("asks", flush=True)
fcntl.flock(fd, fcntl.LOCK_EX)
print("has it", flush=True)"""], stdout=subprocess.PIPE)
fcntl.flock(one, fcntl.LOCK_EX)
waiter.stdout.readline()
os.close(one)
t.is_(waiter.stdout.readline(), b"has it\n", "who waits for a lock gets it")
waiter.wait()
os.close(fd)

# -- thousands of descriptors
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, MANY + 200), max(hard, MANY + 200)))
os.mkdir("many")
fds = [os.open("many/%d" % i, os.O_CREAT | os.O_WRONLY) for i in range(MANY)]
for i, fd in enumerate(fds):
    os.write(fd, b"%d\n" % i)
sealed("mark5")
t.is_(sum(state("many/%d" % i) != "open" for i in range(MANY)), 0, "%d files with a writer, none is sealed" % MANY)
for fd in fds:
    os.close(fd)
for i in range(MANY):
    last["many/%d" % i] = b"%d\n" % i
t.ok(wait_for(lambda: all(is_sealed("many/%d" % i) for i in range(MANY))), "closed, all are")

# -- the longest path
deep = "/".join(["p" * 240] * 16 + ["q" * 239])
os.makedirs(os.path.dirname(deep)[:2000].rsplit("/", 1)[0])
here = os.open(".", os.O_RDONLY)
for part in deep.split("/")[:-1]:
    os.makedirs(part, exist_ok=True)
    os.chdir(part)
make("q" * 239)
last[deep] = last.pop("q" * 239)
os.fchdir(here)
os.close(here)
t.is_(len(deep), 4095, "a path of 4,095 bytes")
t.ok(wait_for(lambda: is_sealed(deep)), "is sealed")
refused("and then not written", open, deep, "ab")

# -- and all of it is what is proved and restored
os.chdir("/")
p = run(NOTARYFS, "umount", "--final", v.mnt)
t.is_(p.returncode, 0, "all becomes final") or t.diag(p.stderr.decode())
t.is_(run(NOTARYFS, "audit", v.path).returncode, 0, "the audit is clean")
out = os.path.join(v.dir, "out")
p = run(NOTARYFS, "restore", "--anchor", v.anchor, out, *v.buckets()[:3])
t.ok(p.returncode == 2 and p.stderr.count(b"restore: ") == 1 and b"restore: .certs/ppp" in p.stderr,
     "three buckets restore all but one certificate, the path of which would be too long")


def read(name):
    """Step by step: the longest path is longer than the limit below `out`."""
    at = os.open(out, os.O_RDONLY)
    try:
        for part in name.split("/")[:-1]:
            next_at = os.open(part, os.O_RDONLY, dir_fd=at)
            os.close(at)
            at = next_at
        fd = os.open(name.split("/")[-1], os.O_RDONLY, dir_fd=at)
        with os.fdopen(fd, "rb") as f:
            return f.read()
    except OSError as e:
        return e.strerror
    finally:
        os.close(at)


last["alias"] = last[x]
t.is_([n[:40] for n in sorted(last) if read(n) != last[n]], [], "every file as it was sealed, under every name")
t.is_(os.getxattr(os.path.join(out, "listed"), "system.posix_acl_access"), acl, "with its access list")
v.close()
t.done()
