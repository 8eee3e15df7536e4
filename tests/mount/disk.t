#!/usr/bin/python3
"""Disks that are full, read-only or torn, a clock that was set back, and a
vault that was copied: nothing is lost, nobody is left without a word."""
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import BUILD, NOTARYFS, Tap, Vault, alive, drop, need_fuse, run, wait_for

need_fuse()
t = Tap()


def text(p):
    return (p.stdout + p.stderr).decode()


def write(v, name, data=b"some text\n"):
    with open(os.path.join(v.mnt, name), "wb") as f:
        f.write(data)


def read(v, name):
    with open(os.path.join(v.mnt, name), "rb") as f:
        return f.read()


def final(v, name, timeout="30s"):
    return run(NOTARYFS, "wait", "--timeout", timeout, os.path.join(v.mnt, name))


def row(v, kind, name):
    return next(r for r in v.status()[kind] if r["name"] == name)


def clean(v, what):
    p = run(NOTARYFS, "audit", v.path)
    if not t.is_(p.returncode, 0, what + ": audit is clean"):
        t.diag(text(p))


def kill(v):
    pid = v.daemon_pid()
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not alive(pid))


# -- full
def mount_tmpfs(at, size):
    return subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + size, "none", at],
                          stderr=subprocess.DEVNULL).returncode == 0


def mount_btrfs(at, size):
    """Which finds room for each page that is written again; a sanitizer keeps
    SIGBUS, which is ours then, to itself."""
    image = at + ".image"
    return "asan" not in BUILD and "tsan" not in BUILD and all(shutil.which(x) for x in ("mkfs.btrfs", "btrfs")) and not any(
        subprocess.run(x, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
        for x in (["truncate", "-s", size, image], ["mkfs.btrfs", "-q", image], ["mount", "-o", "loop", image, at]))


def on_disk(mount, size, fn):
    v = Vault(init=False)
    at = os.path.join(v.dir, "disk")
    os.mkdir(at)
    if not mount(at, size):
        t.ok(True, "a disk of %s # SKIP cannot %s" % (size, mount.__name__))
        return
    v.path = os.path.join(at, "vault")
    try:
        fn(v, at)
    finally:
        subprocess.run(["umount", v.mnt], stderr=subprocess.DEVNULL)
        pid = v.daemon_pid()
        if pid and alive(pid):
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda: not alive(pid))
        wait_for(lambda: subprocess.run(["umount", at], stderr=subprocess.DEVNULL).returncode == 0)
        v.close()


def fill(at):
    """The last byte is taken by somebody else."""
    fd = os.open(os.path.join(at, "ballast"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        while True:
            os.write(fd, bytes(4096))
    except OSError:
        os.close(fd)


def full(v, at):
    run(NOTARYFS, "init", v.path, "--settle", "500ms", check=True)
    v.mount()
    write(v, "early", b"early\n")
    t.is_(final(v, "early").returncode, 0, "a file before the disk is full")
    temp = open(os.path.join(v.mnt, ".temp.Xy12ab"), "wb")
    temp.write(bytes(100000))
    temp.flush()
    write(v, "x.part", bytes(100000))
    fill(at)
    where = None
    fd = os.open(os.path.join(v.mnt, "late"), os.O_WRONLY | os.O_CREAT)
    try:
        for _ in range(100):
            os.write(fd, bytes(1 << 16))
    except OSError as e:
        where = e.strerror
    closed = True
    try:
        os.close(fd)
    except OSError:
        closed = False
    t.is_((where, closed), ("No space left on device", True), "a full disk is told by write, not by close")
    t.is_(read(v, "early"), b"early\n", "what is there can be read")
    t.is_(run(NOTARYFS, "status", v.path).returncode, 0, "the daemon answers")
    temp.close()
    free = os.statvfs(at)
    os.unlink(os.path.join(v.mnt, ".temp.Xy12ab"))
    os.unlink(os.path.join(v.mnt, "x.part"))
    os.sync()
    t.ok(os.statvfs(at).f_bavail >= free.f_bavail + 160000 // free.f_frsize, "temporary files can be removed, which makes room")
    fill(at)
    v.umount()
    t.ok("did not hand over" not in v.log(), "it unmounts in good order although nothing is free")
    fill(at)
    p = run(NOTARYFS, "mount", v.path, v.mnt)
    if not t.is_(p.returncode, 0, "and can be mounted again, full as it is"):
        t.diag(text(p))
    t.is_(read(v, "early"), b"early\n", "to be read")
    kill(v)
    fill(at)
    p = run(NOTARYFS, "mount", v.path, v.mnt)
    if not t.is_(p.returncode, 0, "also after a kill, when it must recover"):
        t.diag(text(p))
    fill(at)
    os.unlink(os.path.join(at, "ballast"))
    os.sync()  # btrfs gives back only then
    write(v, "after", b"after\n")
    t.is_(final(v, "after").returncode, 0, "when there is room it goes on")
    t.ok(wait_for(lambda: os.stat(os.path.join(v.path, "state/reserve")).st_blocks * 512 >= 4 << 20),
         "and puts by what the next full disk will need")
    v.umount()
    clean(v, "a full disk")


on_disk(mount_tmpfs, "40m", full)
on_disk(mount_btrfs, "300m", full)


def quota(v, at):
    """Ends while the vault writes, and without a word in statvfs(2)."""
    sub = os.path.join(at, "sub")
    run("btrfs", "quota", "enable", at, check=True)
    run("btrfs", "subvolume", "create", sub, check=True)
    run("btrfs", "qgroup", "limit", "160m", sub, check=True)
    v.path = os.path.join(sub, "vault")
    run(NOTARYFS, "init", v.path, "--settle", "500ms", check=True)
    v.mount()
    pid = v.daemon_pid()
    why = None
    for i in range(100):
        try:
            write(v, "f%d" % i, os.urandom(2 << 20))
        except OSError as e:
            why = e.strerror
            break
    t.is_(why, "Disk quota exceeded", "a quota of the disk is told to who writes")
    p = run(NOTARYFS, "wait", "--timeout", "5s", v.mnt)
    t.is_((p.returncode, alive(pid)), (2, True), "the daemon lives on without room")
    # btrfs may have none for that, either
    t.ok(wait_for(lambda: run("btrfs", "qgroup", "limit", "none", sub).returncode == 0), "the quota is lifted")
    run(NOTARYFS, "seal", "-r", v.mnt)  # the last one may be empty
    p = run(NOTARYFS, "wait", "--timeout", "120s", v.mnt)
    if not t.is_((p.returncode, alive(pid)), (0, True), "and goes on when there is some"):
        t.diag(text(p))
    v.umount()
    clean(v, "a quota")


on_disk(mount_btrfs, "1g", quota)


def grown(v, at):
    run(NOTARYFS, "init", v.path, check=True)
    v.mount()
    os.mkdir(os.path.join(v.mnt, "logs"))
    os.setxattr(os.path.join(v.mnt, "logs"), "user.notary.preset", b"log")
    log = os.path.join(v.mnt, "logs/a")
    for line in ("one\n", "two\n"):
        with open(log, "a") as f:
            f.write(line)
        run(NOTARYFS, "seal", log, check=True)
    v.umount("--final")
    out = os.path.join(at, "out")
    p = run(NOTARYFS, "restore", "--anchor", os.path.join(v.path, "anchor"), out, *[os.path.join(v.path, "buckets/%d" % i) for i in (0, 2, 4)])
    if not t.is_((p.returncode, sorted(os.listdir(out))), (0, [".certs", "logs"]), "a log is restored, and nothing beside it"):
        t.diag(text(p))


on_disk(mount_btrfs, "300m", grown)


# -- one bucket that cannot be written to
def read_only(v, at):
    run(NOTARYFS, "init", v.path, "--settle", "500ms", check=True)
    b = os.path.join(v.path, "buckets/5")
    v.mount()
    write(v, "first")
    final(v, "first")
    v.umount()
    run("mount", "--bind", b, b, check=True)
    try:
        run("mount", "-o", "remount,bind,ro", b, check=True)
        v.mount()
        write(v, "second")
        t.is_(final(v, "second").returncode, 0, "one bucket is read-only: five are enough")
        r = row(v, "buckets", b)
        t.ok(not r["ok"] and "Read-only" in r["error"], "status says which and why")
        run("mount", "-o", "remount,bind,rw", b, check=True)
        t.ok(wait_for(lambda: row(v, "buckets", b)["ok"]), "writable again, it is used")
        v.umount("--final")
    finally:
        subprocess.run(["umount", b], stderr=subprocess.DEVNULL)
    p = run(NOTARYFS, "scrub", v.path)
    if not t.is_(p.returncode, 0, "and has what it lacked"):
        t.diag(text(p))


on_disk(mount_tmpfs, "60m", read_only)



# -- one bucket whose disk is full
def small_bucket(v, at):
    v.path = os.path.join(v.dir, "vault")
    b = [os.path.join(v.dir, "b%d" % i) for i in range(5)] + [os.path.join(at, "b5")]
    run(NOTARYFS, "init", v.path, "--settle", "500ms", *[x for d in b for x in ("--bucket", d)], check=True)
    v.mount()
    for i in range(4):
        write(v, "f%d" % i, os.urandom(2 << 20))
        t.is_(final(v, "f%d" % i).returncode, 0, "a bucket's disk fills up: file %d is final" % i)
    t.ok(wait_for(lambda: "No space left" in row(v, "buckets", b[5])["error"]), "status says which bucket has no room")
    t.ok(all(row(v, "buckets", x)["ok"] for x in b[:5]), "and that the others have")
    v.umount()
    p = run(NOTARYFS, "repair", v.path)
    t.ok(p.returncode == 2 and "No space left" in text(p), "a repair cannot put anything there, and says so")
    v.mount()
    run("mount", "-o", "remount,size=40m", at, check=True)
    t.ok(wait_for(lambda: row(v, "buckets", b[5])["ok"]), "with room it is used again")
    v.umount("--final")
    p = run(NOTARYFS, "scrub", v.path)
    if p.returncode != 0:   # what it lacks comes when the vault is mounted
        v.mount()
        t.ok(wait_for(lambda: run(NOTARYFS, "scrub", v.path).returncode == 0), "and gets what it lacked")
        v.umount()
    else:
        t.ok(True, "and gets what it lacked")


on_disk(mount_tmpfs, "2m", small_bucket)

# -- torn ends of what is appended to
v = Vault()
v.mount()
for i in range(20):
    write(v, "f%d" % i, b"%d\n" % i)
run(NOTARYFS, "seal", "-r", v.mnt, check=True)
run(NOTARYFS, "wait", v.mnt, check=True)
kill(v)
wal = os.path.join(v.path, "state/notary.db-wal")
with open(wal, "rb") as f:
    frame = f.read(4096 + 24 + 32)
for what, tail in (("half a frame", frame[32:2000]), ("a whole frame of before", frame[32:]), ("noise", os.urandom(10000))):
    with open(wal, "ab") as f:
        f.write(tail)
    with open(os.path.join(v.path, "state/notaryfs.log"), "ab") as f:
        f.write(b"2026-01-01T00:00:00Z torn li")
    p = run(NOTARYFS, "mount", v.path, v.mnt)
    if not t.is_(p.returncode, 0, "%s at the end of the write-ahead log: it mounts" % what):
        t.diag(text(p))
    t.ok(all(read(v, "f%d" % i) == b"%d\n" % i and os.getxattr(os.path.join(v.mnt, "f%d" % i), "user.notary.state")
             in (b"sealed", b"notarized") for i in range(20)), what + ": all that was sealed is")
    t.ok(all(line.count("torn li") == 0 or line.endswith("torn li") for line in v.log().splitlines()),
         what + ": the journal's torn line spoils no other")
    kill(v)
v.mount()
v.umount("--final")
clean(v, "torn ends")

# -- a clock that was set back (the programs of tests/faulty take an offset)
faulty = os.path.join(BUILD, "tests/faulty/notaryfs")
back = dict(os.environ, NOTARYFS_CLOCK="-86400")
p = run(faulty, "mount", v.path, v.mnt, env=back)
t.ok(p.returncode == 0 and "clock is" in text(p), "a clock set back by a day: it mounts and says so")
write(v, "yesterday")
t.is_(final(v, "yesterday").returncode, 0, "files become final")
with open(os.path.join(v.path, "yesterday.cert"), "wb") as f:
    f.write(read(v, "yesterday.cert"))
v.umount()
p = run(os.path.join(BUILD, "notary-verify"), "--anchor", v.anchor, os.path.join(v.path, "files/yesterday"),
        os.path.join(v.path, "yesterday.cert"))
t.ok(p.returncode == 0, "and their certificates are valid")
clean(v, "a clock set back")

# -- a copy, made while it runs
v.mount()
write(v, "more")
copy = os.path.join(v.dir, "copy")
mnt = os.path.join(v.dir, "mnt2")
os.mkdir(mnt)
run("cp", "-a", v.path, copy, check=True)
write(v, "and more")
final(v, "and more")
p = run(NOTARYFS, "mount", copy, mnt)
t.ok(p.returncode == 1 and "was copied" in text(p) and "--moved" in text(p), "a copy of a running vault is not mounted")
v.umount()
t.is_(run(NOTARYFS, "mount", copy, mnt).returncode, 1, "nor when the first one is not mounted")
os.rename(v.path, v.path + ".gone")
os.rename(v.path + ".gone", v.path)
v.mount()
t.ok(True, "the first one goes on, also when it was renamed")
v.umount()
clean(v, "a copied vault")

# -- an older copy of the state, and the buckets have gone on without it
old = os.path.join(v.dir, "old")
run("cp", "-a", os.path.join(v.path, "state"), old, check=True)
v.mount()
write(v, "newer")
final(v, "newer")
v.umount()
now = os.path.join(v.dir, "now")
os.rename(os.path.join(v.path, "state"), now)
run("cp", "-a", old, os.path.join(v.path, "state"), check=True)
p = run(NOTARYFS, "mount", v.path, v.mnt, "--moved")
t.ok(p.returncode == 1 and "older copy" in text(p), "an older state, and buckets that went on without it: refused")
p = run(NOTARYFS, "audit", "--anchor", v.anchor, *v.buckets())
t.is_(p.returncode, 0, "and the chain has not been forked")
drop(os.path.join(v.path, "state"))
os.rename(now, os.path.join(v.path, "state"))
t.is_(v.mount().returncode, 0, "with the newest state it goes on")
v.umount()
clean(v, "after an older state")
drop(copy)
v.close()
t.done()
