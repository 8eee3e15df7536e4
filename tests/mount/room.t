#!/usr/bin/python3
"""Room: a full disk and a quota are told by write, never by close; what was
taken becomes final; and what gives room again works while there is none."""
import ctypes
import errno
import json
import mmap
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import vaultkit as kit

kit.need_fuse()
tap = kit.Tap()
MB = 1 << 20


def tool(*argv, **kw):
    p = kit.run(kit.NOTARYFS, *argv, **kw)
    p.said = (p.stdout + p.stderr).decode("utf-8", "replace")
    return p


def says(p, code, words, what):
    if not tap.ok(p.returncode == code and words in p.said, what):
        tap.diag("exit %d: %s" % (p.returncode, p.said))


def grow(path, most, piece=1 << 16):
    """Bytes written until it is refused, by which error, and where."""
    n, why = 0, None
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError as e:
        return n, errno.errorcode[e.errno]
    try:
        while n < most and why is None:
            n += os.write(fd, os.urandom(piece))
    except OSError as e:
        why = errno.errorcode[e.errno]
    try:
        os.close(fd)
    except OSError:
        why = "close"
    return n, why


def fails(fn, *args):
    try:
        fn(*args)
        return None
    except OSError as e:
        return errno.errorcode[e.errno]


def create(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))


def avail(path):
    s = os.statvfs(path)
    return s.f_bavail * s.f_frsize


def final(v, timeout="300s"):
    names = [x for x in sorted(os.listdir(v.mnt)) if not x.endswith(".part")]
    return tool("wait", "--timeout", timeout, *[os.path.join(v.mnt, x) for x in names])


def vault_at(path):
    v = kit.Vault(init=False)
    v.path = path or v.path
    tool("init", v.path, "--settle", "500ms", "--retention", "compliance", check=True)
    with open(v.path + "/anchor") as f:
        v.anchor = f.read().strip()
    return v


# -- a full disk
def full(v, disk):
    m = v.mnt
    v.mount()
    before = avail(m)
    tap.ok(0 < before < avail(disk) / 2.5, "df shows what has room together with its shares")
    for name in ("brief", "held"):
        with open(m + "/" + name, "w") as f:
            f.write(name)
    final(v)
    soon = kit.run("date", "-u", "-d", "4 seconds", "+%Y-%m-%dT%H:%M:%SZ", check=True).stdout.decode().strip()
    says(tool("retain", "--until", soon, m + "/brief"), 0, "kept", "a file that will have had its time")
    os.mkdir(m + "/folder")
    kit.wait_for(lambda: fails(os.getxattr, m + "/folder", "user.notary.record") is None)
    grow(m + "/x.part", MB)
    got = []
    while not got or (got[-1][1] is None and len(got) < 100):
        got.append(grow("%s/f%d" % (m, len(got)), 2 * MB))
    got.append(grow(m + "/flast", 2 * MB, 4096))
    n = sum(x for x, _ in got)
    tap.is_(got[-1][1], "ENOSPC", "write says that the disk is full, close never does")
    tap.ok(before * 0.7 < n + MB <= before, "after as much as df had shown: %d of %d" % (n, before))
    tap.ok(avail(m) < MB, "then it shows that nothing is left")
    tap.is_(fails(create, m + "/empty"), "ENOSPC", "nor is there room for a name")
    says(final(v, "120s"), 0, "", "all that was taken becomes final")
    size = sum(os.stat(m + "/" + x).st_size for x in os.listdir(m) if x.startswith("f") and x != "folder")
    tap.is_(size, n, "and is what was written")
    # now somebody else takes the last byte
    with open(disk + "/ballast", "wb", buffering=0) as f:
        try:
            while True:
                f.write(bytes(4096))
        except OSError:
            pass
    tap.is_(avail(disk), 0, "somebody else takes what was left to us")
    says(tool("hold", "--case", "C", m + "/held"), 0, "held", "a hold can be placed all the same")
    says(tool("retain", "--for", "9d", m + "/held"), 0, "kept", "and a date set")
    room = avail(disk)
    tap.is_(fails(os.unlink, m + "/x.part"), None, "what is temporary can be removed")
    tap.ok(avail(disk) >= room + MB * 0.9, "which gives room")
    os.rmdir(m + "/folder")
    gone = kit.wait_for(lambda: fails(os.unlink, m + "/brief") is None, timeout=10)
    os.unlink(disk + "/ballast")
    if not gone:     # only a new block moves the chain's clock
        grow(m + "/more", 1000, 1000)
        final(v)
        gone = fails(os.unlink, m + "/brief") is None
    tap.ok(gone, "a file whose date has passed can go")
    says(final(v), 0, "", "all of it becomes final")
    v.umount()
    says(tool("audit", v.path), 0, "all is well", "and the audit is content")


def on_disk(size, fn):
    top = kit.Vault(init=False)
    disk = os.path.join(top.dir, "disk")
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + size, "none", disk],
                      stderr=subprocess.DEVNULL).returncode != 0:
        tap.ok(True, "a disk of %s # SKIP cannot mount a tmpfs" % size)
        return
    v = vault_at(disk + "/vault")
    try:
        fn(v, disk)
    finally:
        subprocess.run(["umount", v.mnt], stderr=subprocess.DEVNULL)
        kit.wait_for(lambda: subprocess.run(["umount", disk], stderr=subprocess.DEVNULL).returncode == 0)
        v.close()


def height(v, path):
    p = kit.run(os.path.join(kit.BUILD, "notary-verify"), "--json", "--anchor", v.anchor, path, check=True)
    return json.loads(p.stdout)["height"]


def links(v, disk):
    """A link to a sealed file has a record of its own, for which there may be no room."""
    m = v.mnt
    v.mount()
    for d in ("a", "b"):
        os.mkdir(m + "/" + d)
    with open(m + "/a/f", "w") as f:
        f.write("linked")
    os.link(m + "/a/f", m + "/a/g")
    says(final(v), 0, "", "a sealed file with two names, on another small disk")
    v.umount("--final")
    v.mount()
    os.stat(m + "/a/f")
    kit.run("mount", "-i", "-o", "remount", m)    # the kernel lets go of them, so memory knows neither
    before = [height(v, m + "/a/" + x) for x in "fg"]
    with open(disk + "/ballast", "wb", buffering=0) as f:
        try:
            while True:
                f.write(bytes(4096))
        except OSError:
            pass
    made, why = 0, None
    while why is None and made < 50:
        why = fails(os.link, m + "/a/f", "%s/b/%d" % (m, made))
        made += why is None
    names = os.listdir(m + "/b")
    tap.ok(made > 0 and why in (None, "ENOSPC", "EDQUOT") and len(names) == made, "a link is made, or it is not: %d, %s" % (made, why))
    os.unlink(disk + "/ballast")
    says(tool("wait", "--timeout", "300s", m), 0, "", "all that were made become final")
    tap.ok(all(os.path.getsize("%s/b/%s.cert" % (m, n)) > 0 for n in names), "each has its certificate")
    tap.is_([height(v, m + "/a/" + x) for x in "fg"], before, "names that were in a block are not recorded again")
    tap.is_(fails(os.link, m + "/a/f", m + "/b/more"), None, "and more can be made")
    v.umount("--final")
    says(tool("audit", v.path), 0, "all is well", "the audit is content")
    says(tool("scrub", v.path), 0, "", "and so is scrub")


on_disk("60m", full)
on_disk("24m", links)


# -- holes take no room in the buckets either
def hollow(v, disk):
    m = v.mnt
    v.mount()
    before = avail(m)
    big = 1 << 32
    with open(m + "/sparse", "wb") as f:
        f.truncate(big)
        f.seek(1 << 31)
        f.write(b"data")
    away = [b for b in v.buckets()[:2]]
    for b in away:     # so that it stays on its way
        os.rename(b, b + ".away")
    says(tool("seal", m + "/sparse", timeout=300), 0, "", "a file of 4 GiB that is nearly all holes is sealed")
    tap.is_(os.getxattr(m + "/sparse", "user.notary.state"), b"sealed", "and not final")
    tap.ok(avail(m) > before / 2, "there is room beside it (%d of %d)" % (avail(m), before))
    tap.is_(grow(m + "/beside", 20 * MB), (20 * MB, None), "for others to write")
    for b in away:
        os.rename(b + ".away", b)
    says(final(v, "100s"), 0, "", "all becomes final")
    v.umount()


on_disk("400m", hollow)

# -- a quota
v = vault_at(None)
m = v.mnt
with open(v.path + "/notaryfs.conf", "a") as f:
    f.write("quota = 4M\n")
v.mount()
s = os.statvfs(m)
tap.is_(s.f_blocks * s.f_frsize, 4 * MB, "a quota: df shows it as the size")
tap.is_(grow(m + "/a", MB), (MB, None), "files are taken up to it")
final(v)
n, why = grow(m + "/b.part", 10 * MB)
tap.is_((n, why), (3 * MB, "EDQUOT"), "then write says so, to the byte")
tap.is_(avail(m), 0, "df shows that nothing is left")
tap.is_(fails(create, m + "/c"), "EDQUOT", "there is no room for a name either")
fd = os.open(m + "/b.part", os.O_WRONLY)
tap.is_(fails(os.pwrite, fd, b"x" * 4096, 0), None, "writing over what is there needs none")
tap.is_(fails(os.posix_fallocate, fd, 3 * MB, 4096), "EDQUOT", "fallocate does")
os.ftruncate(fd, 2 * MB)
os.close(fd)
tap.is_(avail(m), MB, "what is cut off may be written again")
os.unlink(m + "/b.part")
tap.is_(avail(m), 3 * MB, "and what is removed")
fd = os.open(m + "/sparse.part", os.O_WRONLY | os.O_CREAT)
os.ftruncate(fd, 1 << 40)
os.pwrite(fd, b"end", (1 << 40) - 3)
os.close(fd)
tap.ok(avail(m) > 2 * MB, "holes are not counted")
os.unlink(m + "/sparse.part")
KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16


def allocate(fd, mode, at, n):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.fallocate(fd, mode, ctypes.c_long(at), ctypes.c_long(n)) != 0:
        raise OSError(ctypes.get_errno(), "fallocate")


before = avail(m)
fd = os.open(m + "/filled.part", os.O_RDWR | os.O_CREAT)
os.pwrite(fd, b"end", 8 * MB - 3)
why = [fails(os.pwrite, fd, os.urandom(MB), i * MB) for i in range(6, -1, -1)]
tap.is_(why, [None] * 2 + ["EDQUOT"] * 5, "but what they are filled with is")
why = [fails(os.pwrite, fd, os.urandom(MB // 2), 6 * MB + i * 4096) for i in range(64)]
tap.is_((set(why), before - avail(m) - 2 * MB < MB / 2), ({None}, True), "once, however often it is written over")
tap.is_([fails(allocate, fd, x, 0, 64 * MB) for x in (ZERO_RANGE, ZERO_RANGE | KEEP_SIZE)], ["EDQUOT"] * 2, "room for zeros is room, too")
try:
    allocate(fd, PUNCH_HOLE | KEEP_SIZE, 6 * MB, MB)
    tap.is_(fails(os.pwrite, fd, os.urandom(MB), MB), None, "what is punched out may be written elsewhere")
except OSError as e:
    tap.ok(True, "a hole # SKIP " + e.strerror)
with mmap.mmap(fd, MB, offset=2 * MB) as x:
    x[:] = b"x" * MB
    tap.is_(fails(x.flush), "EDQUOT", "a mapping is told by msync")
os.close(fd)
os.unlink(m + "/filled.part")
tap.is_(avail(m), before, "all of that is given back")
left = avail(m)
v.umount()
v.mount()
tap.is_(avail(m), left, "sealed files count after a mount, too")
with open(m + "/src", "wb") as f:
    f.write(bytes(2 * MB))
a, b = os.open(m + "/src", os.O_RDONLY), os.open(m + "/copy", os.O_WRONLY | os.O_CREAT)
tap.is_(fails(os.copy_file_range, a, b, 2 * MB), "EDQUOT", "copy_file_range is counted")
os.close(a)
os.close(b)
with open(v.path + "/notaryfs.conf") as f:
    conf = f.read()
with open(v.path + "/notaryfs.conf", "w") as f:
    f.write(conf.replace("quota = 4M", "quota = 40M"))
os.kill(v.pid(), signal.SIGHUP)
tap.ok(kit.wait_for(lambda: os.statvfs(m).f_blocks * s.f_frsize == 40 * MB), "SIGHUP reads another one")
tap.is_(grow(m + "/d", 10 * MB), (10 * MB, None), "which counts")
v.umount()
with open(v.path + "/notaryfs.conf", "w") as f:
    f.write(conf.replace("quota = 4M", "quota = 4k"))
p = tool("mount", v.path, m)
says(p, 1, "quota = 4k: must be a size like 500G", "a quota must be a size")

# -- a commit that takes long: its disk is slow, or has no room for it
v = kit.Vault(settle="500ms")
m, stay = v.mnt, os.path.join(v.dir, "stay")
faulty = os.path.join(kit.BUILD, "tests/faulty/notaryfs")
kit.run(faulty, "mount", v.path, m, env=dict(os.environ, NOTARYFS_FAULT="=local.commit:" + stay), check=True)
with open(stay, "w"):
    pass
grow(m + "/f", MB)
asks = subprocess.Popen([kit.NOTARYFS, "seal", m + "/f"], stderr=subprocess.DEVNULL)
tap.ok(kit.wait_for(lambda: os.path.exists(stay + ".here")), "it takes long")
tap.ok(kit.run("df", m, timeout=60).returncode == 0, "df does not wait for it")
says(tool("status", m, timeout=60), 0, "1 frozen", "nor does status")
os.mkdir(m + "/d")
tap.is_(grow(m + "/d/g", 65 * MB, MB), (65 * MB, None), "nor who writes")
with open(m + "/d/g", "rb") as f:
    tap.is_(len(f.read()), 65 * MB, "or reads")
says(tool("wait", m + "/f", "--timeout", "1s", timeout=60), 2, "not final within the time", "wait ends in its time")
os.unlink(stay)
tap.is_(asks.wait(120), 0, "it is sealed then")
says(tool("umount", "--final", m), 0, "", "all goes on")
says(tool("audit", v.path), 0, "", "and nothing is amiss")

# -- a page that it has no room for: of a file that is cut, as of a full disk
if "asan" in kit.BUILD or "tsan" in kit.BUILD:
    tap.ok(True, "# SKIP a sanitizer keeps SIGBUS to itself")
else:
    v.mount()
    index = v.path + "/state/notary.db-shm"
    says(tool("wait", m, "--timeout", "60s"), 0, "", "nothing is written now")
    with open(index, "rb") as f:
        was = f.read()
    os.truncate(index, 0)
    # reading waits here, too
    asks = subprocess.Popen(["sh", "-c", 'echo text > "$1" && exec "$2" seal "$1"', "sh", m + "/h", kit.NOTARYFS],
                            stderr=subprocess.DEVNULL)
    tap.ok(kit.wait_for(lambda: "event=no-room" in v.log()), "no room for the index: the journal says so")
    tap.ok(kit.wait_for(lambda: os.stat(v.path + "/state/reserve").st_blocks == 0), "and what was kept for that is let go")
    with open(index, "r+b") as f:
        f.write(was)
    tap.is_(asks.wait(120), 0, "it goes on when there is some")
    tap.ok(kit.wait_for(lambda: "event=room" in v.log()), "which the journal says, too")
    tap.ok(kit.wait_for(lambda: os.stat(v.path + "/state/reserve").st_blocks > 0), "and some is kept again")
    says(tool("umount", "--final", m), 0, "", "all becomes final")
    says(tool("audit", v.path), 0, "", "and nothing is lost")
tap.done()
