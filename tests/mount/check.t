#!/usr/bin/python3
"""check: each thing that a vault needs, working and broken."""
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import *  # noqa: E402,F403

need_fuse()
tap = Tap()
v = Vault(settle="500ms")


def check(tool=NOTARYFS, path=None, **kw):
    p = run(tool, "check", path or v.path, "--json", **kw)
    d = json.loads(p.stdout)
    return p.returncode, {x["name"]: (x["result"], x["text"]) for x in d["checks"]}


def broken(name, words, what, how="FAILED", code=1, **kw):
    r, c = check(**kw)
    if not tap.ok(r == code and c[name][0] == how and words in c[name][1], what):
        tap.diag("exit %d: %s" % (r, c.get(name)))
    bad = [x for x in c if c[x][0] == "FAILED" and x != name]
    tap.is_(bad, [], "and nothing else")


r, c = check()
tap.is_((r, [x for x in c if c[x][0] not in ("ok", "warning")]), (0, []), "a new vault: all works")
tap.ok(set("trust fuse state files database clock timestamp sequencer disks".split()) <= set(c) and
       set(v.buckets()) <= set(c), "everything is looked at")
tap.ok(c["disks"][0] == "warning" and "6 of 6 buckets" in c["disks"][1], "six buckets on one disk: a warning")
tap.is_(check()[0], 0, "twice is as good")
probe = os.path.join(v.path, "files/probe")
open(probe, "w").close()
if os.geteuid() != 0:
    tap.ok(c["immutable"][0] == "warning" and "only root can" in c["immutable"][1], "not root: nothing becomes immutable, in words")
elif run("chattr", "+i", probe).returncode == 0:
    run("chattr", "-i", probe, check=True)
    tap.is_(c["immutable"][0], "ok", "sealed files become immutable")
else:
    tap.ok(c["immutable"][0] == "warning" and "chattr +i" in c["immutable"][1], "chattr +i does not work here, in words")
os.remove(probe)
tap.is_(os.listdir(v.path + "/files"), [], "trying that leaves nothing")
p = run(NOTARYFS, "check", v.path)
tap.ok(p.stdout.decode().startswith("ok       trust: local software"), "in words; the trust class first")
with open(v.path + "/notaryfs.conf") as f:
    conf = f.read()
with open(v.path + "/notaryfs.conf", "a") as f:
    f.write("setle = 1s\n")
p = run(NOTARYFS, "check", v.path)
tap.ok(p.returncode == 1 and b"did you mean settle?" in p.stderr, "a mistake in the configuration")
with open(v.path + "/notaryfs.conf", "w") as f:
    f.write(conf + "immutable = off\n")
r, c = check()
tap.ok(r == 0 and c["immutable"][0] == "warning" and "switched off" in c["immutable"][1], "immutable = off: a warning")
with open(v.path + "/notaryfs.conf", "w") as f:
    f.write(conf)

# -- buckets
b = v.buckets()
os.rename(b[1], b[1] + ".away")
broken(b[1], "No such file", "a bucket that is away")
open(b[1], "w").close()
broken(b[1], "Not a directory", "a file in its place")
p = run(NOTARYFS, "status", v.path)
tap.ok(b"failed: Not a directory" in p.stdout, "which status says too")
os.remove(b[1])
os.mkdir(b[1])
broken(b[1], "holds nothing of this vault", "an empty folder in its place")
tap.is_(os.listdir(b[1]), [], "is left as it is")
os.rmdir(b[1])
os.rename(b[1] + ".away", b[1])
probe = os.path.join(b[2], v.anchor, "check")
drop_i = lambda f: run("chattr", "-i", f)  # noqa: E731
drop_i(probe)
os.remove(probe)
with open(probe, "w") as f:
    f.write("notaryfs check: this one must not\n")
broken(b[2], "does not keep what was written", "a bucket that lets objects be changed")
os.remove(probe)
tap.is_(check()[0], 0, "put right")

# -- services
key = v.path + "/state/keys/timestamp"
os.chmod(key, 0o644)
broken("timestamp", "chmod 600", "a key that others may read")
os.chmod(key, 0o600)
os.rename(key, key + ".away")
broken("timestamp", "No such file", "no key")
with open(key + ".away", "rb") as f:
    other = bytes(f.read()[:-1]) + b"\0"
with open(os.open(key, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as f:
    f.write(other)
broken("timestamp", "not of this chain", "another key")
os.rename(key + ".away", key)
os.mkdir(v.dir + "/bin")
shutil.copy(NOTARYFS, v.dir + "/bin")
broken("sequencer", "notaryfs-attestor is missing", "no attestor", tool=v.dir + "/bin/notaryfs")
shutil.copy(os.path.join(BUILD, "notaryfs-attestor"), v.dir + "/bin")
shutil.copy("/bin/false", v.dir + "/bin/notaryfs-enclave")
broken("sequencer", "do not start here", "an enclave that does not start", tool=v.dir + "/bin/notaryfs")
db = v.path + "/state/notary.db"
os.rename(db, db + ".away")
broken("database", "No such file", "no database")
os.rename(db + ".away", db)

# -- mounted, at work, and cut off
v.mount()
with open(v.mnt + "/f", "w") as f:
    f.write("text\n")
run(NOTARYFS, "seal", v.mnt + "/f", check=True)
r, c = check()
tap.ok(r == 0 and v.mnt in c["mount"][1], "a mounted vault can be checked")
tap.is_(run(NOTARYFS, "wait", v.mnt + "/f", "--timeout", "300s").returncode, 0, "and is not disturbed")
pid = v.pid()
os.kill(pid, 9)
wait_for(lambda: not alive(pid))


def recovers():
    """As soon as nobody takes the dead process for the vault's."""
    r, c = check()
    return r == 0 and c["sequencer"][0] == "warning" and "recovers" in c["sequencer"][1]


tap.ok(wait_for(recovers), "after a crash: the next mount recovers")
run(NOTARYFS, "umount", v.mnt)
v.mount()
v.umount("--final")
for cmd in ("audit", "scrub"):
    p = run(NOTARYFS, cmd, v.path)
    tap.is_(p.returncode, 0, cmd + " passes over what check leaves")
p = run(NOTARYFS, "restore", "--anchor", v.anchor, v.dir + "/out", *b[:3])
tap.ok(p.returncode == 0 and os.path.exists(v.dir + "/out/f"), "so does restore")
tap.done()
