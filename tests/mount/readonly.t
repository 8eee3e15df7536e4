#!/usr/bin/python3
"""readonly: a vault on a disk that is mounted read-only can be looked at, and
what would write says why it does not."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import *  # noqa: E402,F403

need_fuse()
if os.geteuid() != 0:
    skip_all("not root: no disk can be mounted")
own_namespace()

tap = Tap()
disk = tempfile.mkdtemp(prefix="notaryfs-readonly-")
run("mount", "-t", "tmpfs", "-o", "size=256m", "disk", disk, check=True)
v = Vault(base=disk)  # below a name that a URI would end at
odd = v.path + " 100%41 #2?x"
os.rename(v.path, odd)
v.path = odd
v.mount()
with open(v.mnt + "/f", "w") as f:
    f.write("text\n")
run(NOTARYFS, "seal", v.mnt + "/f", check=True)
run(NOTARYFS, "wait", v.mnt + "/f", "--timeout", "300s", check=True)
v.umount()
out = tempfile.mkdtemp(prefix="notaryfs-readonly-")
try:
    run("mount", "-o", "remount,ro", disk, check=True)
    p = run(NOTARYFS, "status", v.path, "--json")
    s = json.loads(p.stdout or b"{}")
    if not tap.ok(p.returncode == 0 and s["files"]["notarized"] == 1, "status counts what is final"):
        tap.diag(p.stderr.decode())
    for c in ("audit", "scrub"):
        p = run(NOTARYFS, c, v.path)
        if not tap.ok(p.returncode == 0 and b"all is well" in p.stdout, c + " finds all well"):
            tap.diag((p.stdout + p.stderr).decode())
    p = run(NOTARYFS, "check", v.path, "--json")
    c = {x["name"]: (x["result"], x["text"]) for x in json.loads(p.stdout)["checks"]}
    tap.ok(p.returncode == 1 and c["database"][0] == "ok" and "Read-only file system" in c["state"][1],
           "check: the state cannot be written, and is not damaged")
    p = run(NOTARYFS, "restore", "--anchor", v.anchor, out + "/back", *v.buckets()[:3])
    tap.ok(p.returncode == 0 and os.path.exists(out + "/back/f"), "all can be restored elsewhere")
    for argv in (["mount", v.path, v.mnt], ["repair", v.path]):
        p = run(NOTARYFS, *argv)
        tap.is_((p.returncode, p.stderr.decode()), (1, "notaryfs %s: %s/state/lock: Read-only file system\n" % (argv[0], v.path)),
                argv[0] + " says what it cannot write")
finally:
    run("mount", "-o", "remount,rw", disk)
    drop(v.dir)
    run("umount", disk)
    drop(disk)
    drop(out)
tap.done()
