#!/usr/bin/python3
"""Large holes cost neither time nor room: sealed, proved, audited, restored as
holes, and their one object mended like any other."""
import glob
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import BUILD, NOTARYFS, Tap, Vault, need_fuse, run

MIB = 1 << 20
EXTENT = 64 * MIB
SIZE = 8 * EXTENT + 5 * MIB + 77

need_fuse()
t = Tap()
v = Vault()
v.mount()


def make(name, size, *data):
    """A file of that size, with these (offset, bytes) in it."""
    with open(os.path.join(v.mnt, name), "wb") as f:
        for at, b in data:
            f.seek(at)
            f.write(b)
        f.truncate(size)


def sha256(path):
    return run("sha256sum", path, check=True).stdout[:64].decode()


def extents(bucket):
    return sorted(glob.glob(os.path.join(bucket, v.anchor, "c", "*")))


def used(path):
    return os.stat(path).st_blocks * 512


def holes_here():
    make("probe.tmp", EXTENT)
    return used(os.path.join(v.path, "files/probe.tmp")) < MIB


if not holes_here():
    print("1..0 # SKIP this file system has no holes")
    v.close()
    sys.exit(0)
make("disk", SIZE, (3 * EXTENT + 12345, b"data in the fourth extent"), (SIZE - 9, b"the end.\n"))
make("empty", SIZE)
make("front", 2 * EXTENT, (0, os.urandom(MIB)))
names = ["disk", "empty", "front"]
paths = [os.path.join(v.mnt, n) for n in names]
run(NOTARYFS, "seal", *paths, check=True)
p = run(NOTARYFS, "wait", "--timeout", "100s", *paths)
t.is_(p.returncode, 0, "files of 0.5 GiB and hardly any data are final")
sums = {n: sha256(os.path.join(v.path, "files", n)) for n in names}

for n, path in zip(names, paths):
    p = run(os.path.join(BUILD, "notary-verify"), "--anchor", os.path.join(v.path, "anchor"), path)
    t.is_(p.returncode, 0, n + ": its certificate holds")
    t.ok(sums[n].encode() in p.stdout, n + ": and names what sha256sum says")
# the fourth extent of disk, its end and the end of empty, the first of front,
# and one of zeros for all of them
t.is_([len(extents(b)) for b in v.buckets()], [5] * 6, "extents of zeros are one object")
t.ok(sum(used(x) for b in v.buckets() for x in extents(b)) < 8 * MIB, "and take no room in a folder")

v.umount()
t.is_(run(NOTARYFS, "audit", v.path).returncode, 0, "the audit is clean")
t.is_(run(NOTARYFS, "scrub", v.path).returncode, 0, "so are the plain files")
out = os.path.join(v.dir, "out")
p = run(NOTARYFS, "restore", "--anchor", v.anchor, out, *v.buckets()[1:6:2])
t.is_(p.returncode, 0, "three buckets give them back")
t.is_({n: sha256(os.path.join(out, n)) for n in names}, sums, "bit for bit")
t.ok(all(used(os.path.join(out, n)) < 4 * MIB for n in names), "with holes where there were some")

# the object of zeros is in most of the files, and may be damaged like others
zeros = min(extents(v.buckets()[2]), key=used)
subprocess.run(["chattr", "-f", "-i", zeros], stderr=subprocess.DEVNULL)
os.chmod(zeros, 0o644)
with open(zeros, "r+b") as f:
    f.seek(MIB)
    f.write(b"x")
t.is_(run(NOTARYFS, "scrub", v.path).returncode, 1, "a changed byte in the extent of zeros is found")
t.is_(run(NOTARYFS, "repair", v.path).returncode, 0, "and mended")
t.is_(run(NOTARYFS, "audit", v.path).returncode, 0, "for good")

# plain files are made again with their holes
lost = os.path.join(v.path, "files/disk")
subprocess.run(["chattr", "-f", "-i", lost], stderr=subprocess.DEVNULL)
os.unlink(lost)
t.is_(run(NOTARYFS, "repair", v.path).returncode, 0, "a lost plain file is made again")
t.is_((sha256(lost), used(lost) < 4 * MIB), (sums["disk"], True), "and has its holes")
v.close()
t.done()
