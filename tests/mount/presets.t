#!/usr/bin/python3
"""Presets: which rules hold where, how that is told, and that it stays."""
import errno
import json
import os
import shutil
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import vaultkit as kit

kit.need_fuse()
tap = kit.Tap()
PRESET = "user.notary.preset"


def attr(path, name):
    try:
        return os.getxattr(path, "user.notary." + name, follow_symlinks=False).decode()
    except OSError as e:
        return errno.errorcode[e.errno]


def bind(path, preset):
    try:
        os.setxattr(path, PRESET, preset.encode())
        return None
    except OSError as e:
        return errno.errorcode[e.errno]


def rules(*paths):
    p = kit.run(kit.NOTARYFS, "rules", "--json", *paths, check=True)
    return [json.loads(x) for x in p.stdout.decode().splitlines()]


def write(path, text="x\n"):
    with open(path, "w") as f:
        f.write(text)


def seal(path):
    kit.run(kit.NOTARYFS, "wait", path, check=True)


v = kit.Vault(settle="500ms")
m = v.mnt
with open(v.path + "/notaryfs.conf", "a") as f:
    f.write("bind = /by-conf/* restic\nrule = mine include wal\nrule = mine scratch cache\n")
v.mount()
for d in ("own/deep/er", "by-conf/repo/locks", "full", "mine"):
    os.makedirs(os.path.join(m, d))

# -- what holds
tap.is_(attr(m, "preset"), "default", "the vault's preset")
tap.is_(attr(m + "/by-conf/repo", "preset"), "restic", "one bound by the configuration")
tap.is_(attr(m + "/by-conf", "preset"), "default", "to that path, not above it")
write(m + "/by-conf/repo/locks/a")
tap.is_(attr(m + "/by-conf/repo/locks/a", "class"), "scratch", "its rules hold")
write(m + "/by-conf/repo/x.tmp")
tap.is_(attr(m + "/by-conf/repo/x.tmp", "class"), "seal", "and those of the vault do not")
tap.is_(bind(m + "/own", "restic"), None, "a folder is given a preset")
tap.is_(attr(m + "/own/deep/er", "preset"), "restic", "which all below inherits")
write(m + "/own/deep/x-tmp-1")
tap.is_(attr(m + "/own/deep/x-tmp-1", "class"), "temp", "with its rules")
tap.is_([attr(m + x, y) for x in ("/own/deep/x-tmp-1", "/by-conf/repo/locks/a") for y in ("wait", "sealed", "cert", "record")],
        ["ENODATA"] * 8, "and is not said to be final, nor sealed, nor is a scratch file")
p = kit.run(kit.NOTARYFS, "verify", m + "/own/deep/x-tmp-1", m + "/by-conf/repo/locks/a")
tap.is_((p.returncode, b"x-tmp-1: there is no certificate: a temporary name" in p.stderr,
         b"locks/a: there is no certificate: a scratch name" in p.stderr), (2, True, True), "verify says why they have no certificate")
p = kit.run(kit.NOTARYFS, "verify", "--json", m + "/own/deep/x-tmp-1", m + "/by-conf/repo/locks")
tap.is_([(x["file"], x["verdict"], x["valid"]) for x in map(json.loads, p.stdout.splitlines())],
        [("own/deep/x-tmp-1", "not-final", False), ("by-conf/repo/locks/a", "not-final", False)], "and has an object for each")
tap.is_(bind(m + "/own/deep", "wal"), None, "a nearer one")
tap.is_(attr(m + "/own/deep/x-tmp-1", "class"), "seal", "counts, at once")
tap.is_(bind(m + "/own", "nonsense"), "EINVAL", "there must be such a preset")
tap.is_(bind(m + "/own", "a\0b"), "EINVAL", "by a name")
tap.is_(bind(m + "/mine", "mine"), None, "one of one's own")
os.mkdir(m + "/mine/cache")
write(m + "/mine/cache/f")
tap.is_(attr(m + "/mine/cache/f", "state"), "scratch", "has its own rules")
tap.ok(PRESET not in os.listxattr(m + "/own"), "it is not listed: copies do not bring it along")

# -- what is told
got = rules(m + "/own/deep/none/yet.tmp", m + "/by-conf/repo/locks/a", m + "/nothing", m + "/mine/cache/f")
tap.is_([(x["path"], x["class"], x["preset"], x["bound_by"], x["bound_to"], x["rule"], x["rule_of"])
         for x in got],
        [("own/deep/none/yet.tmp", "temp", "wal", "folder", "own/deep", "*.tmp", "wal"),
         ("by-conf/repo/locks/a", "scratch", "restic", "configuration", "by-conf/repo", "locks", "restic"),
         ("nothing", "seal", "default", "vault", "", None, None),
         ("mine/cache/f", "scratch", "mine", "folder", "mine", "cache", "mine")],
        "rules says which line decides and who bound it")
# a mark is a file: a folder that has its name is one like any other
os.makedirs(m + "/cases/4913/.#x"), write(m + "/cases/4913/f"), write(m + "/cases/4913/.#x/4912"), write(m + "/cases/4913/4913")
write(m + "/cases/g"), os.mkdir(m + "/cases/.nfs1"), os.rename(m + "/cases/g", m + "/cases/.nfs1/g")
kept = ["/cases/4913/f", "/cases/4913/.#x/4912", "/cases/.nfs1/g"]
kit.run(kit.NOTARYFS, "wait", "--timeout", "120s", *[m + x for x in kept], check=True)
tap.is_([attr(m + x, "state") for x in kept], ["notarized"] * 3, "what lies in folders named like marks is kept")
tap.is_(attr(m + "/cases/4913/4913", "state"), "scratch", "a mark is not")
tap.is_([(x["class"], x["rule"], x["files_only"]) for x in rules(m + "/cases/4913", m + "/cases/4913/f", m + "/cases/4913/4913", m + "/mine/cache/f")],
        [("seal", None, False), ("seal", None, False), ("scratch", "4913", True), ("scratch", "cache", False)], "and rules says so")
p = kit.run(kit.NOTARYFS, "rules", m + "/cases/4913/4913")
tap.is_(p.stdout.decode().splitlines()[-1], "  rule scratch,files 4913 matches cases/4913/4913", "as it stands in a preset")
p = kit.run(kit.NOTARYFS, "rules", m + "/mine/x.tmp")
tap.is_(p.stdout.decode(), "mine/x.tmp: temp\n  preset mine, given to the folder /mine\n"
        "  rule temp *.tmp matches x.tmp, taken in from preset wal\n", "in words")
p = kit.run(kit.NOTARYFS, "rules", v.dir)
tap.is_((p.returncode, b"is not in a mounted vault" in p.stderr), (1, True), "elsewhere it is refused")

# -- of a name, whatever is there or leads there
links = {"own/to.part": "deep", "to-own": "own", "outside": "/etc", "mine/x.tmp": "../own", "own/lost.part": "nowhere"}
for name, to in links.items():
    os.symlink(to, os.path.join(m, name))
os.symlink(m + "/by-conf", v.dir + "/from-outside")
os.symlink(m + "/by-conf/repo/locks/a", v.dir + "/file-from-outside")
os.mkfifo(m + "/by-conf/repo/locks/fifo")


def told(*paths):
    return [(x["path"], x["class"], x["preset"], x["rule"]) for x in rules(*paths)]


tap.is_(told(m + "/own/to.part", m + "/outside", m + "/mine/x.tmp", m + "/own/lost.part"),
        [("own/to.part", "seal", "restic", None), ("outside", "seal", "default", None),
         ("mine/x.tmp", "temp", "mine", "*.tmp"), ("own/lost.part", "seal", "restic", None)],
        "a link is a name by itself, wherever it leads")
tap.is_(told(m + "/to-own/deep/none", m + "/mine/x.tmp/none/yet", v.dir + "/from-outside/repo/locks/none",
             v.dir + "/from-outside/repo/locks", v.dir + "/file-from-outside"),
        [("own/deep/none", "seal", "wal", None), ("own/none/yet", "seal", "restic", None),
         ("by-conf/repo/locks/none", "scratch", "restic", "locks"), ("by-conf/repo/locks", "scratch", "restic", "locks"),
         ("by-conf/repo/locks/a", "scratch", "restic", "locks")],
        "what leads there is gone along, from outside as well")
tap.is_(told(m + "/by-conf/repo/locks/fifo", m + "/by-conf/repo/locks/a.cert", m + "/by-conf/repo/x.tmp/y"),
        [("by-conf/repo/locks/fifo", "scratch", "restic", "locks"), ("by-conf/repo/locks/a.cert", "scratch", "restic", "locks"),
         ("by-conf/repo/x.tmp/y", "seal", "restic", None)],
        "a FIFO's too, and one that a certificate could have, and below a file")
p = kit.run(kit.NOTARYFS, "rules", m + "/by-conf/repo/locks/fifo")
tap.ok(b"\n  what is there is neither a file, folder nor link, and never recorded\n" in p.stdout,
       "in words it is said that a FIFO is never recorded")
p = kit.run(kit.NOTARYFS, "wait", m + "/by-conf/repo/locks/fifo")
tap.is_((p.returncode, b"fifo: devices, FIFOs and sockets are never recorded\n" in p.stderr), (2, True), "nor is it waited for")
p = kit.run(kit.NOTARYFS, "rules", m + "/.notary/status", m + "/.notary")
tap.is_((p.returncode, p.stderr.count(b": .notary is not a place for files")), (1, 2), ".notary is no place for files")
os.unlink(m + "/mine/x.tmp")
os.unlink(m + "/by-conf/repo/locks/fifo")

# -- it does not change what is sealed
write(m + "/full/f")
seal(m + "/full/f")
plain = v.path + "/files/full/f"
kit.run("chattr", "-f", "-i", plain)
write(plain, "y\n")
p = kit.run(kit.NOTARYFS, "verify", "--json", m + "/full")
write(plain)
got = [json.loads(x) for x in p.stdout.splitlines()]
tap.is_((p.returncode, [(x["file"], x["verdict"], x["path"]) for x in got]), (1, [("full/f", "content", None)]),
        "the object of a refused one says of which file it is")
tap.is_(bind(m + "/full", "restic"), "EPERM", "nothing is bound above what is sealed")
tap.is_(bind(m, "restic"), "EPERM", "nor to the root")
tap.is_(attr(m + "/full", "preset"), "default", "and nothing changes")
try:
    os.rename(m + "/full", m + "/own/full")
    tap.ok(False, "nor can it be moved below other rules")
except PermissionError:
    tap.ok(True, "nor can it be moved below other rules")
write(m + "/own/deep/sealed")
seal(m + "/own/deep/sealed")
tap.is_(bind(m + "/own/deep", "wal"), None, "the same again changes nothing")
tap.is_(bind(m + "/own/deep", "restic"), "EPERM", "another one is refused")
try:
    os.removexattr(m + "/own/deep", PRESET)
    tap.ok(False, "and it stays")
except PermissionError:
    tap.ok(True, "and it stays")

# -- it stays
os.rename(m + "/mine", m + "/moved")
tap.is_(attr(m + "/moved", "preset"), "mine", "it goes where its folder goes")
seal(m)
pid = v.pid()
os.makedirs(m + "/late/in")
tap.is_(bind(m + "/late", "wal"), None, "one is given")
os.kill(pid, signal.SIGKILL)
kit.wait_for(lambda: not kit.alive(pid))
v.mount()
tap.is_([attr(m + x, "preset") for x in ("/late/in", "/own/deep", "/own", "/moved", "/by-conf/repo", "")],
        ["wal", "wal", "restic", "mine", "restic", "default"], "all are there after kill -9")
os.rmdir(m + "/late/in")
os.rmdir(m + "/late")
os.mkdir(m + "/late")
tap.is_(attr(m + "/late", "preset"), "default", "a new folder of that name has none")
os.removexattr(m + "/moved", PRESET)
tap.is_(attr(m + "/moved", "preset"), "default", "taken away, the vault's holds")
seal(m)
v.umount()
out = os.path.join(v.dir, "out")
kit.run(kit.NOTARYFS, "restore", "--anchor", v.anchor, out, *v.buckets()[:3], check=True)
tap.is_([attr(out + x, "preset") for x in ("/own", "/own/deep", "/moved", "/late", "")],
        ["restic", "wal", "ENODATA", "ENODATA", "ENODATA"], "a restore has them too")
shutil.rmtree(out)

# -- a preset that is gone from the configuration
with open(v.path + "/notaryfs.conf") as f:
    conf = f.read()
v.mount()
tap.is_(bind(m + "/late", "mine"), None, "one is given once more")
v.umount()
with open(v.path + "/notaryfs.conf", "w") as f:
    f.write("".join(x for x in conf.splitlines(True) if not x.startswith("rule =")))
v.mount()
write(m + "/late/x.tmp")
tap.is_(attr(m + "/late/x.tmp", "class"), "seal", "where its preset is not known, all is sealed")
tap.ok("its preset is not known any more" in v.log(), "and the journal says so")
tap.done()
