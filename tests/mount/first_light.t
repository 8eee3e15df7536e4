#!/usr/bin/python3
"""first_light: the whole of it on a small tree: init, mount, copy, seal, wait,
proof, forgery, unmount, audit, and a restore out of every three of six buckets.
"""
import itertools
import os
import shutil
import stat
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import *  # noqa: E402,F403

need_fuse()
tap = Tap()
v = Vault(settle="500ms")
src = os.path.join(v.dir, "src")
BIG = 17 << 20  # larger than a pack takes: goes into extents


def tool(*argv, **kw):
    return run(NOTARYFS, *argv, **kw)


def text(p):
    return (p.stdout + p.stderr).decode("utf-8", "replace")


def make_source():
    os.makedirs(src + "/deep/er")
    for i in range(60):
        with open("%s/deep/f%02d" % (src, i), "w") as f:
            f.write("file %d\n" % i * (i * 7 + 1))
    with open(src + "/big", "wb") as f:
        f.write(os.urandom(1 << 20) * 17 + b"tail")
    with open(src + "/a b\u00e4\n", "w") as f:
        f.write("an unusual name\n")
    open(src + "/empty", "w").close()
    os.symlink("deep/f01", src + "/link")
    os.link(src + "/deep/f02", src + "/hard")
    os.chmod(src + "/deep/f03", 0o751)
    os.utime(src + "/deep/f04", ns=(10**18, 123456789012345678))
    os.setxattr(src + "/deep/f05", "user.colour", b"red")
    os.chmod(src + "/deep/er", 0o1700)
    os.utime(src + "/deep/er", ns=(10**18, 10**18 + 1))
    os.utime(src + "/deep", ns=(10**18, 10**18 + 2))


make_source()
want = listing(src)

# -- mount and copy
p = v.mount()
tap.is_(text(p), "", "mount says nothing when all is well")
tap.ok(v.mounted(), "and returns when the mount answers")
p = tool("mount", v.path, v.mnt)
tap.ok(p.returncode == 1 and "mounted at %s by process" % v.mnt in text(p),
       "a second mount is refused by name of the first")
run("cp", "-a", src + "/.", v.mnt, check=True)
p = tool("seal", "-r", v.mnt)
tap.is_((p.returncode, text(p)), (0, ""), "seal -r")
p = tool("wait", v.mnt, "--timeout", "300s")
tap.is_((p.returncode, text(p)), (0, ""), "wait until all is final")
tap.is_(v.status()["files"]["notarized"], 63, "each file once: 60, big, unusual, empty")

with open(v.mnt + "/writing", "w") as f:
    f.write("still open")
    f.flush()
    p = tool("seal", v.mnt + "/writing")
    tap.ok(p.returncode == 2 and "has a writer" in text(p), "a file with a writer is named and left")
    p = tool("wait", v.mnt + "/writing", "--timeout", "300ms")
    tap.ok(p.returncode == 2 and "still open by a writer" in text(p), "wait names what it waits for")
    p = tool("cert", v.mnt + "/writing")
    tap.ok(p.returncode == 2 and b"writing: s" in p.stderr, "no certificate before a file is final")
    p = tool("umount", "--final", v.mnt)
    tap.ok(p.returncode == 2 and v.mounted(), "umount --final leaves the mount while there is a writer")
os.unlink(v.mnt + "/writing")
open(v.mnt + "/upload.part", "w").close()
p = tool("seal", v.mnt + "/upload.part")
tap.ok(p.returncode == 2 and "never sealed" in text(p), "a temporary name is not sealed, in words")
p = tool("seal", "-r", v.mnt)
tap.is_((p.returncode, text(p)), (0, ""), "nor in the way of seal -r")
p = tool("wait", v.mnt + "/upload.part")
tap.ok(p.returncode == 2 and "a temporary name" in text(p), "wait says that it never will be final")
for of in v.mnt, v.mnt + "/.":
    p = tool("wait", of, "--timeout", "300s")
    tap.ok(p.returncode == 0 and "upload.part: a temporary name" in text(p), "where all below a folder is waited for, it is named")
p = tool("wait", v.mnt + "/deep", "--timeout", "300s")
tap.is_((p.returncode, text(p)), (0, ""), "where there is none it says nothing")
p = tool("export", v.mnt + "/upload.part", os.path.join(v.dir, "none"))
tap.ok(p.returncode == 2 and "left out: a temporary name" in text(p), "and export why it leaves it out")
os.unlink(v.mnt + "/upload.part")

# -- proofs
p = tool("verify", v.mnt)
tap.ok(p.returncode == 0 and b"63 valid" in p.stdout or b"64 valid" in p.stdout, "verify in the mount")
cert = tool("cert", v.mnt + "/deep/f07", check=True).stdout
with open(v.mnt + "/deep/f07.cert", "rb") as f:
    tap.is_(f.read(), cert, "notaryfs cert and FILE.cert are the same bytes")
out = os.path.join(v.dir, "f07")
shutil.copy(src + "/deep/f07", out)
with open(out + ".cert", "wb") as f:
    f.write(cert)
tap.is_(run(VERIFY, "--anchor", v.anchor, out).returncode, 0, "offline: valid")
with open(out, "r+b") as f:
    f.write(b"F")
p = run(VERIFY, "--anchor", v.anchor, out)
tap.ok(p.returncode == 1 and "content" in text(p), "one changed byte is refused")
tap.is_(tool("anchor", v.mnt).stdout.decode().strip(), v.anchor, "the anchor, of the mount")
tap.is_(tool("anchor", v.path).stdout.decode().strip(), v.anchor, "and of the vault")
p = tool("audit", v.path)
tap.ok(p.returncode == 0 and b"all is well" in p.stdout, "audit of a mounted vault")
tap.diag(p.stderr.decode())

# -- unmount
open(v.mnt + "/left.part", "w").close()
p = v.umount("--final")
tap.ok("left.part: a temporary name" in text(p), "umount --final names what no bucket has")
os.unlink(v.path + "/files/left.part")
tap.ok(not v.mounted() and not v.daemon_pid() or not alive(v.daemon_pid()),
       "umount returns when the daemon has ended")
p = tool("umount", v.mnt)
tap.ok(p.returncode == 1 and "no vault is mounted there" in text(p), "a second one says so")
tap.ok(b"not mounted" in tool("status", v.path).stdout, "status says that it is not mounted")
p = tool("audit", v.path)
tap.ok(p.returncode == 0 and b"all is well" in p.stdout, "audit after the unmount")

# -- restore
buckets = v.buckets()


def restore(which, name="out", anchor=v.anchor):
    dest = os.path.join(v.dir, name)
    drop(dest)
    return tool("restore", "--anchor", anchor, dest, *[buckets[i] for i in which]), dest


bad = []
for which in itertools.combinations(range(6), 3):
    p, dest = restore(which)
    if p.returncode != 0 or listing(dest, skip=(dest + "/.certs",)) != want:
        bad.append((which, p.returncode, text(p)))
    elif run("diff", "-r", "--no-dereference", "-x", ".certs", src, dest).returncode != 0:
        bad.append((which, "contents"))
tap.is_(bad, [], "each of the 20 triples of buckets restores contents, modes, times and links")
tap.is_(os.getxattr(dest + "/deep/f05", "user.colour"), b"red", "extended attributes too")
p = run(VERIFY, "--anchor", v.anchor, "-r", dest)
tap.ok(p.returncode == 0 and b"64 valid" in p.stdout, "and the certificates prove it offline")
p = tool("restore", "--anchor", v.anchor, dest, *buckets)
tap.ok(p.returncode == 1 and "is not empty" in text(p), "into a folder with something in it: refused")
p, dest = restore((1, 4), "two")
tap.ok(p.returncode == 1 and "contents need 3 buckets" in text(p) and not os.path.exists(dest),
       "two buckets are too few, and nothing is left behind")
run(NOTARYFS, "init", v.dir + "/other", check=True)
buckets.append(v.dir + "/other/buckets/2")
p, dest = restore((1, 4, len(buckets) - 1), "foreign")
tap.ok(p.returncode == 1 and "2 holds nothing of this chain" in text(p) and "contents need 3 buckets" in text(p) and not os.path.exists(dest),
       "that of another vault is no third one") or tap.diag(text(p))
buckets.pop()
p, dest = restore((1, 1, 2), "same")
tap.ok(p.returncode == 1 and "the same share" in text(p), "a bucket named twice is no third one")
p, dest = restore((0, 2, 4), "wrong", v.anchor[:-1] + ("0" if v.anchor[-1] != "0" else "1"))
tap.ok(p.returncode == 1 and "wrong anchor" in text(p), "the wrong anchor is refused in words")
p = tool("audit", "--anchor", v.anchor, buckets[5])
tap.ok(p.returncode == 2 and b"bytes of the files are not" in p.stderr.replace(b"\n", b" "),
       "one bucket verifies the chain, and says what it cannot")


# -- damage
def flip(path, at):
    run("chattr", "-i", path)
    os.chmod(path, 0o644)
    with open(path, "r+b") as f:
        f.seek(at, 0 if at >= 0 else 2)
        b = f.read(1)
        f.seek(at, 0 if at >= 0 else 2)
        f.write(bytes([b[0] ^ 1]))


packs = os.path.join(buckets[2], v.anchor, "p")
largest = max((os.path.join(d, n) for d, _, names in os.walk(packs) for n in names), key=os.path.getsize)
flip(largest, os.path.getsize(largest) // 2)
p = tool("audit", v.path)
tap.ok(p.returncode == 1 and b"buckets/2: 0 missing, 1 damaged" in p.stdout,
       "audit names the bucket with a flipped bit")
p, dest = restore((1, 2, 3, 5))
tap.ok(p.returncode == 0 and b"damaged; restored without it" in p.stderr and
       listing(dest, skip=(dest + "/.certs",)) == want,
       "a damaged share is named and done without")
p, dest = restore((1, 2, 3))
tap.ok(p.returncode == 2 and "2 good shares, 3 are needed" in text(p),
       "with no other share the files of that pack are named, not guessed")
left = [n for _, _, names in os.walk(dest) for n in names if n.startswith(".restore-")]
tap.is_(left, [], "and no half file is left")
number = os.path.join(buckets[0], v.anchor, "a", "%016x" % 2)
run("chattr", "-i", os.path.dirname(number), number)
os.unlink(number)
p = tool("audit", v.path)
tap.ok(p.returncode == 1 and b"buckets/0: 1 missing, 0 damaged" in p.stdout,
       "audit names the bucket that lacks a number")
for b in buckets:  # the same lie in every bucket: number 3's object as number 2's
    old, new = (os.path.join(b, v.anchor, "a", "%016x" % k) for k in (3, 2))
    run("chattr", "-i", os.path.dirname(new), new, old)
    shutil.copy(new, new + ".kept") if os.path.exists(new) else None
    if os.path.exists(new):
        os.unlink(new)
    shutil.copy(old, new)
p = tool("audit", v.path)
tap.ok(p.returncode == 1 and b"number 2: it is not the next number" in p.stderr,
       "a number that all buckets agree on is still judged")
p, dest = restore((1, 3, 5))
tap.ok(p.returncode == 1 and listing(dest) == {} and "verified up to height 0 only" in text(p),
       "and nothing behind it is restored")
for b in buckets:
    new = os.path.join(b, v.anchor, "a", "%016x" % 2)
    os.unlink(new)
    if os.path.exists(new + ".kept"):
        os.rename(new + ".kept", new)
plain = os.path.join(v.path, "files/deep/f09")
flip(plain, 0)
p = tool("audit", v.path)
tap.ok(p.returncode == 1 and b"files/deep/f09 is not what was recorded" in p.stderr,
       "audit of a vault names a changed plain file")
tap.done()
