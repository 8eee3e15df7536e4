#!/usr/bin/python3
"""While a huge file is being hashed, others are sealed and become final, status
says how far it is, it can still be changed where its class allows that, and the
end of the mount does not wait: the next one begins again."""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import BUILD, NOTARYFS, Tap, Vault, need_fuse, run, wait_for

MIB = 1 << 20
HUGE = 1 << 40      # of zeros: hashed for minutes, and nothing on the disk
SOON = 60           # seconds: far less than that, on any machine

need_fuse()
t = Tap()
v = Vault(settle="500ms")
with open(v.path + "/notaryfs.conf", "a") as f:
    f.write("bind = /versions mirror\n")
v.mount()
os.mkdir(v.mnt + "/versions")


def huge(name, size=HUGE):
    with open(os.path.join(v.mnt, name), "r+b" if os.path.exists(os.path.join(v.mnt, name)) else "wb") as f:
        f.truncate(size)


def state(name):
    return os.getxattr(os.path.join(v.mnt, name), "user.notary.state").decode()


def hashing():
    with open(v.mnt + "/.notary/hashing") as f:
        return {x["path"]: x for x in map(json.loads, f)}


def final(*names):
    return run(NOTARYFS, "wait", "--timeout", "%ds" % SOON, *[os.path.join(v.mnt, n) for n in names]).returncode


def proved(name):
    return run(os.path.join(BUILD, "notary-verify"), "--anchor", v.path + "/anchor",
               os.path.join(v.mnt, name)).returncode


huge("huge")
if not wait_for(lambda: "huge" in hashing()):
    t.diag(v.status())
t.is_(state("huge"), "frozen", "a huge file is being hashed")

# -- the others
took = []
for i in range(5):
    with open("%s/small%d" % (v.mnt, i), "w") as f:
        f.write("%d\n" % i)
    begun = time.monotonic()
    t.is_(final("small%d" % i), 0, "a small one becomes final")
    took.append(time.monotonic() - begun)
t.diag("which took %s" % ", ".join("%.2f s" % x for x in took))
with open(v.mnt + "/large", "wb") as f:
    f.write(os.urandom(20 * MIB))
t.is_((final("large"), proved("large")), (0, 0), "so does another large one, and its certificate holds")
for i in range(3):
    huge("huge%d" % i)
t.ok(wait_for(lambda: len(hashing()) == 4), "more huge ones wait for their turn")
with open(v.mnt + "/last", "w") as f:
    f.write("last\n")
t.is_(final("last"), 0, "a small one does not")
t.is_(state("huge"), "frozen", "all that while it was being hashed")

# -- asked for by somebody
big = v.mnt + "/huge"
p = run(NOTARYFS, "seal", "--timeout", "500ms", big)
t.is_(p.returncode, 2, "seal does not say of what is being hashed that it is done")
t.ok(b"it goes on by itself" in p.stderr, "but what becomes of it")
t.is_((run(NOTARYFS, "seal", "--no-wait", big).returncode, state("huge")), (0, "frozen"), "it only asks if that is wanted")
with open(v.mnt + "/asked", "wb") as f:
    f.write(os.urandom(40 * MIB))
t.is_((run(NOTARYFS, "seal", v.mnt + "/asked").returncode, state("asked") in ("sealed", "notarized")), (0, True),
      "what seal has returned from is sealed")
os.mkdir(v.mnt + "/many")
for i in range(300):
    with open("%s/many/%d" % (v.mnt, i), "w") as f:
        f.write("x")
t.is_(run(NOTARYFS, "seal", "-r", v.mnt + "/many").returncode, 0, "so is a whole folder")
t.is_({state("many/%d" % i) in ("sealed", "notarized") for i in range(300)}, {True}, "with all that is in it")

# -- what is said of it
s = v.status()["hashing"]
t.is_((s["files"], s["bytes"]), (4, 4 * HUGE), "status counts what is being hashed")
t.ok(wait_for(lambda: v.status()["hashing"]["done"] > s["done"]), "and how much of it is done")
said = run(NOTARYFS, "status", v.mnt).stdout.decode()
t.ok("4 large" in said and " of 1.0 TB, huge\n" in said, "in words, too, and which files")
t.is_(os.stat(v.mnt + "/.notary/hashing").st_mode & 0o777, 0o400, "which are named to whoever mounted it alone")

# -- the end
begun = time.monotonic()
v.umount(timeout=SOON)
t.ok(time.monotonic() - begun < SOON / 3, "the end of the mount does not wait (%.2f s)" % (time.monotonic() - begun))
t.ok("cannot seal" not in v.log(), "and is no trouble")
v.mount("-o", "settle=1h")
t.is_((state("huge"), state("small0")), ("settling", "notarized"), "the next mount knows that it is not sealed")
huge("huge", 30 * MIB)
for i in range(3):
    os.unlink("%s/huge%d" % (v.mnt, i))
run(NOTARYFS, "seal", v.mnt + "/huge", check=True)
t.ok(state("huge") in ("sealed", "notarized"), "seal returns when it is sealed")
t.is_((final("huge"), proved("huge")), (0, 0), "and seals what it is by then")
v.umount()

# -- class version: who wants to write does not wait for it
v.mount()
huge("versions/huge")
wait_for(lambda: "versions/huge" in hashing())
begun = time.monotonic()
huge("versions/huge", 17 * MIB)
t.ok(time.monotonic() - begun < SOON / 3, "what may change is opened at once")
t.ok(wait_for(lambda: HUGE not in [x["bytes"] for x in hashing().values()]),
     "and is not hashed in vain")
t.is_((final("versions/huge"), proved("versions/huge")), (0, 0), "its new content becomes final")
t.is_(v.status()["hashing"], {"files": 0, "bytes": 0, "done": 0}, "nothing is left")
v.umount()
t.is_(run(NOTARYFS, "audit", v.path).returncode, 0, "the audit is clean")
v.close()
t.done()
