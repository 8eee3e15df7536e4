#!/usr/bin/python3
"""maps: what a shared mapping writes and is refused.  The kernel has it in its
cache by then; nobody may take it for what the file has, least of all when that
is sealed."""
import mmap
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import vaultkit as kit
from vaultkit import said

kit.need_fuse()
tap = kit.Tap()
BOTH = os.O_RDWR | os.O_APPEND


def opened(path, flags):
    return said(lambda: os.close(os.open(path, flags)))


def read(path):
    with open(path, "rb") as f:
        return f.read()


def state(path):
    return os.getxattr(path, "user.notary.state").decode()


def wait(path):
    return os.getxattr(path, "user.notary.wait").decode()


def verified(v, path):
    p = kit.run(kit.VERIFY, "--anchor", v.anchor, path)
    return p.returncode == 0 or tap.diag((p.stdout + p.stderr).decode())


# -- a log
def log(v):
    d = v.mnt + "/log"
    os.mkdir(d)
    os.setxattr(d, "user.notary.preset", b"log")
    a, text = d + "/a", b"0123456789" * 10
    with open(a, "ab") as f:
        f.write(text)
        f.flush()
        tap.is_(wait(a), "notarized", "a log is sealed while somebody appends to it")
        tap.is_([opened(a, x) for x in (BOTH, os.O_RDWR)], ["EPERM", "EPERM"], "who reads as well could map what is sealed: refused")
        tap.is_(opened("/proc/self/fd/%d" % f.fileno(), BOTH), "EPERM", "also to who has it open")
        tap.is_(said(mmap.mmap, f.fileno(), 100), "EACCES", "who only appends has no mapping")
        f.write(b"more")
    tap.is_(opened(a, os.O_WRONLY | os.O_APPEND), "ok", "appending goes on")
    tap.is_((wait(a), read(a)), ("notarized", text + b"more"), "and is sealed")
    # one that was opened so before anything of it was sealed
    b = d + "/b"
    fd = os.open(b, os.O_CREAT | BOTH)
    os.write(fd, text)
    m = mmap.mmap(fd, 100)
    os.close(fd)
    with open(d + "/c", "ab") as f:
        f.write(text)
    wait(d + "/c")
    tap.is_((state(b), said(os.setxattr, b, "user.notary.seal", b"1")), ("open", "EBUSY"), "a mapping keeps a log from being sealed")
    m[:5] = b"later"
    m.close()
    tap.is_((wait(b), read(b)), ("notarized", b"later" + text[5:]), "until it is gone: what it wrote is what is sealed")
    tap.ok(verified(v, a) and verified(v, b), "and what is read is what was recorded")


v = kit.Vault(settle="500ms")
v.mount()
log(v)
v.umount()
v.close()


# -- a full disk
def full(v, disk):
    """What is sealed gets a copy before it is written to; there is no room for one."""
    d, size = v.mnt + "/mirror", 64 << 10
    f, text = d + "/f", os.urandom(64 << 10)
    os.mkdir(d)
    os.setxattr(d, "user.notary.preset", b"mirror")
    with open(f, "wb") as x:
        x.write(text)
    wait(f)
    fd = os.open(f, os.O_RDWR)
    with mmap.mmap(fd, size) as m:
        with open(disk + "/ballast", "wb", buffering=0) as b:
            while said(b.write, bytes(4096)) == "ok":
                pass
        m[:5] = b"later"
        tap.is_(said(m.flush), "ENOSPC", "a full disk is told by msync")
    os.close(fd)
    tap.ok(kit.wait_for(lambda: state(f) != "open"), "the mapping goes")
    tap.ok(read(f) == text, "what is read is what is there, not what was refused")
    os.unlink(disk + "/ballast")
    tap.is_(wait(f), "notarized", "with room it is sealed")
    tap.ok(read(f) == text and verified(v, f), "as it was")
    v.umount()


top = kit.Vault(init=False)
disk = os.path.join(top.dir, "disk")
os.mkdir(disk)
if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "none", disk], stderr=subprocess.DEVNULL).returncode != 0:
    tap.ok(True, "a full disk # SKIP cannot mount a tmpfs")
else:
    v = kit.Vault(init=False)
    v.path = disk + "/vault"
    try:
        kit.run(kit.NOTARYFS, "init", v.path, "--settle", "500ms", check=True)
        v.anchor = read(v.path + "/anchor").decode().strip()
        v.mount()
        full(v, disk)
    finally:
        subprocess.run(["umount", v.mnt], stderr=subprocess.DEVNULL)
        kit.wait_for(lambda: subprocess.run(["umount", disk], stderr=subprocess.DEVNULL).returncode == 0)
        v.close()
tap.done()
