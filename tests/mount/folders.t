#!/usr/bin/python3
"""Folders that go away: what is restored has exactly the folders of the vault."""
import ctypes
import errno
import os
import shutil
import signal
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import vaultkit as kit

kit.need_fuse()
tap = kit.Tap()
MKDIR, TOMBSTONE = 1, 4
EXCHANGE = 2
OLD = 1000000000        # a time that nobody makes by accident


def newest(v):
    """Kind of the newest record of each path."""
    with sqlite3.connect("file:%s/state/notary.db?mode=ro" % v.path, uri=True) as db:
        return {path.decode(): kind for kind, path in
                db.execute("SELECT kind, path FROM record ORDER BY id")}


def folders(v):
    """Paths whose newest record is of a folder."""
    return sorted(p for p, k in newest(v).items() if k == MKDIR and p)


def gone(v):
    return sorted(p for p, k in newest(v).items() if k == TOMBSTONE)


def there(top):
    return sorted(os.path.relpath(os.path.join(d, x), top)
                  for d, dirs, _ in os.walk(top) for x in dirs)


def wait(v, path="."):
    kit.run(kit.NOTARYFS, "wait", os.path.join(v.mnt, path), check=True)


def mkdir(v, path, mode=0o755):
    os.makedirs(os.path.join(v.mnt, path))
    os.chmod(os.path.join(v.mnt, path), mode)


def write(v, path, text):
    with open(os.path.join(v.mnt, path), "w") as f:
        f.write(text)


def exchange(a, b):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(-100, os.fsencode(a), -100, os.fsencode(b), EXCHANGE) != 0:
        raise OSError(ctypes.get_errno(), a)


def restored(v, name):
    out = os.path.join(v.dir, name)
    kit.run(kit.NOTARYFS, "restore", "--anchor", v.anchor, out, *v.buckets()[1:4], check=True)
    return out


def certificate(v, path):
    try:
        with open(os.path.join(v.mnt, path + ".cert"), "rb") as f:
            return f.read()
    except FileNotFoundError:
        return None


v = kit.Vault(settle="500ms")
m = v.mnt
v.mount()

# -- recorded, then removed and renamed
for path in ("removed", "moved/sub/deep", "kept/in", "back", "becomes-file", "x/one", "y/two",
             "over/empty", "mover", "sealed/in", "becomes-link/in/it", "swapped/in/it"):
    mkdir(v, path, 0o750)
write(v, "sealed/in/file", "stays\n")
write(v, "kept/in/file", "kept\n")
wait(v)
tap.is_(folders(v), there(m), "every folder is recorded")
tap.is_(gone(v), [], "and none is gone")
cert = certificate(v, "removed")
tap.ok(cert, "a folder that is there has a certificate")

os.rmdir(m + "/removed")
os.rename(m + "/moved", m + "/new")
os.rename(m + "/mover", m + "/over/empty")
exchange(m + "/x", m + "/y")
os.rmdir(m + "/becomes-file")
write(v, "becomes-file", "a file now\n")
shutil.rmtree(m + "/becomes-link")
os.symlink("nowhere", m + "/becomes-link")
os.symlink("nowhere", m + "/link")
exchange(m + "/swapped", m + "/link")
os.rmdir(m + "/back")
mkdir(v, "back", 0o700)
mkdir(v, "brief")
os.rmdir(m + "/brief")
try:
    os.rename(m + "/sealed", m + "/unsealed")
    refused = False
except PermissionError:
    refused = True
tap.ok(refused, "a folder with something sealed below cannot be renamed")
wait(v)
tap.is_(gone(v), ["becomes-link/in", "becomes-link/in/it", "moved", "moved/sub", "moved/sub/deep", "mover", "removed",
                  "swapped/in", "swapped/in/it", "x/one", "y/two"],
        "what was removed or renamed has tombstones, and nothing else has")
tap.is_(folders(v), there(m), "every folder that is there is recorded, new paths too")
tap.is_(newest(v)["becomes-file"], 0, "a file where a folder was is sealed")
tap.is_([newest(v)[x] for x in ("becomes-link", "swapped")], [2, 2], "and so is a link")
tap.is_(certificate(v, "removed"), None, "a folder that is gone has no certificate")
tap.ok(certificate(v, "new"), "a renamed one has one under its new name")
with open(v.dir + "/old.cert", "wb") as f:
    f.write(cert)
p = kit.run(kit.VERIFY, "--anchor", v.anchor, "explain", v.dir + "/old.cert")
tap.is_(p.returncode, 0, "its old certificate still proves that it was there")

mkdir(v, "removed", 0o711)
tap.is_(certificate(v, "removed"), None, "a new folder of that name has none yet")
wait(v)
tap.ok(certificate(v, "removed") not in (None, cert), "and one of its own when it is final")
os.rmdir(m + "/removed")

# -- kill -9 while tombstones are owed
mkdir(v, "cut/a/b")
mkdir(v, "cut-moved/c")
wait(v)
pid = v.pid()
os.rmdir(m + "/cut/a/b")
os.rename(m + "/cut-moved", m + "/cut/c")
os.kill(pid, signal.SIGKILL)
kit.wait_for(lambda: not kit.alive(pid))
v.mount()
wait(v)
tap.ok({"cut/a/b", "cut-moved", "cut-moved/c", "removed"} <= set(gone(v)),
       "a start finds the folders that went away before the crash")
tap.is_(folders(v), there(m), "and records the others")
v.umount()
os.rmdir(v.path + "/files/new/sub/deep")
v.mount()
wait(v)
tap.is_(newest(v)["new/sub/deep"], TOMBSTONE, "and one that went away while nothing was mounted")
v.umount()
os.mkdir(v.path + "/files/new/sub/deep", 0o750)
v.mount()
wait(v)
tap.is_(newest(v)["new/sub/deep"], MKDIR, "a folder behind its tombstone is recorded anew")

# -- symlinks are sealed on demand, through their folder
os.symlink("nowhere", m + "/kept/link")
os.symlink("file", m + "/kept/in/link")
tap.is_(kit.run(kit.NOTARYFS, "seal", "-r", m).returncode, 0, "seal -r takes symlinks")
try:
    os.unlink(m + "/kept/link")
    tap.ok(False, "and they are sealed at once")
except PermissionError:
    tap.ok(True, "and they are sealed at once")
for value in (b"link:", b"link:..", b"link:in/link", b"link:none", b"link:file", b"link:a\0b"):
    try:
        os.setxattr(m + "/kept/in", "user.notary.seal", value)
        tap.ok(False, "refused: %r" % value)
    except OSError as e:
        tap.ok(e.errno in (2, 22), "refused: %r" % value)

# -- what would lie deeper than can be named
TOO_LONG = errno.ENAMETOOLONG
step, LAST = "d" * 250, "e" * 195 + ".part"  # never sealed, so they may move


def in_there(top, what):
    """Done down there, where no single path leads."""
    os.chdir(os.path.join(m, top))
    try:
        for _ in range(15):
            if not os.path.isdir(step):
                os.mkdir(step)
            os.chdir(step)
        return what()
    finally:
        os.chdir("/")


def fails(f, *args):
    try:
        return f(*args)
    except OSError as e:
        return e.errno


def make():
    for name, size in ((LAST, 1), ("short.part", 2)):
        with open(name, "wb") as x:
            x.write(b"x" * size)


mkdir(v, "top")
mkdir(v, "side")
in_there("top", make)
long, full = os.path.join(m, "t" * 250), os.path.join(m, "t" * 129)
tap.is_([fails(os.rename, m + "/top", x) for x in (long, full + "t", m + "/side/" + "t" * 125)], [TOO_LONG] * 3,
        "no folder is renamed with something that could not be named then")
os.mkdir(long)
tap.is_([fails(exchange, m + "/top", long), fails(exchange, long, m + "/top")], [TOO_LONG] * 2, "nor exchanged")
os.rmdir(long)
tap.is_(fails(os.rename, m + "/top", full), None, "up to that it is")
tap.is_(in_there(full, lambda: sorted(os.listdir("."))), [LAST, "short.part"], "and has all that it had")
tap.is_(fails(os.rename, full, m + "/top"), None, "a shorter name is always had")
in_there("top", lambda: os.unlink(LAST))
tap.is_(fails(os.rename, m + "/top", long), None, "and a longer one, when what was too deep is gone")
tap.is_(in_there(long, lambda: (os.getxattr("short.part", "user.notary.state"), os.stat("short.part").st_size)), (b"temp", 2), "the rest is there")
in_there(long, lambda: os.unlink("short.part"))
shutil.rmtree(long)
os.rmdir(m + "/side")

# -- the restored tree
for d, dirs, _ in os.walk(m, topdown=False):
    for i, x in enumerate(dirs):
        os.utime(os.path.join(d, x), (OLD, OLD + 7 * i))
os.utime(m + "/kept", (OLD, OLD))
wait(v)
want = kit.listing(m)
tap.is_(len([1 for x in want.values() if x[0].startswith("0o4")]), len(folders(v)),
        "the listing has as many folders as are recorded")
v.umount()
out = restored(v, "out")
got = kit.listing(out, skip=(out + "/.certs",))
tap.is_(sorted(set(got) ^ set(want)), [], "the restored tree has the vault's names")
tap.is_({p: (got.get(p), want[p]) for p in want if got.get(p) != want[p]}, {},
        "with their modes, times and sizes")
p = kit.run(kit.NOTARYFS, "audit", v.path)
if not tap.is_(p.returncode, 0, "the vault passes its audit"):
    tap.diag(p.stdout.decode() + p.stderr.decode())
shutil.rmtree(out)

# -- what stands where a restore puts certificates
v = kit.Vault(settle="1h")
v.mount()
for name in ("a", "b", "z.cert/x", "z", ".certs/b.cert/y", ".certs/a.cert"):
    os.makedirs(os.path.dirname(os.path.join(v.mnt, name)), exist_ok=True)
    write(v, name, name)
    kit.run(kit.NOTARYFS, "seal", os.path.join(v.mnt, name), check=True)
    wait(v, name)   # so a certificate has the place first
kit.run(kit.NOTARYFS, "renew", v.mnt + "/a", check=True)
kit.run(kit.NOTARYFS, "seal", "-r", v.mnt, check=True)
v.umount("--final")
out = os.path.join(v.dir, "out")
p = kit.run(kit.NOTARYFS, "restore", "--anchor", v.anchor, out, *v.buckets()[1:4])
said = sorted(x.split(" is not restored")[0].split("restore: ")[1] for x in p.stderr.decode().splitlines())
tap.is_((p.returncode, said), (2, [".certs/a.cert", ".certs/b.cert", ".certs/z.cert"]),
        "three certificates have no place, which is said")
tap.is_([open(os.path.join(out, x)).read() for x in ("a", "b", "z.cert/x", "z", ".certs/b.cert/y", ".certs/a.cert")],
        ["a", "b", "z.cert/x", "z", ".certs/b.cert/y", ".certs/a.cert"], "what the vault has comes first")
p = kit.run(kit.VERIFY, "--anchor", v.anchor, "-r", out)
tap.ok(p.returncode == 1 and b"incomplete: z: unread: it has no certificate" in p.stdout, "and is verified as far as it can be") \
    or tap.diag(p.stdout.decode())
tap.done()
