#!/usr/bin/python3
"""What commands tell those who may not do what they ask for; and that nothing
is left of a wait that was ended."""
import os
import signal
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import vaultkit as kit

kit.need_fuse()
if os.geteuid() != 0:
    kit.skip_all("needs root, to be somebody else")
tap = kit.Tap()


def stranger(*argv):
    p = kit.run("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", kit.NOTARYFS, *argv)
    p.said = (p.stdout + p.stderr).decode("utf-8", "replace")
    return p


def says(p, code, words, what):
    if not tap.ok(p.returncode == code and words in p.said, what):
        tap.diag("exit %d: %s" % (p.returncode, p.said))


v = kit.Vault(settle="500ms")
os.chmod(v.dir, 0o755)
os.chmod(v.path, 0o700)
v.mount()
f = v.mnt + "/f"
with open(f, "w") as x:
    x.write("f\n")
kit.run(kit.NOTARYFS, "wait", f, check=True)
for c in ("mount", "check", "status", "anchor", "audit", "scrub", "repair"):
    says(stranger(c, v.path, *([v.mnt] if c == "mount" else [])), 1, "Permission denied",
         c + ": a vault that is closed to the caller is called so")
says(stranger("comply", "--yes", "--reason", "r", v.path), 1, "Permission denied", "comply, too")
says(stranger("umount", v.mnt), 1, "only who mounted it, or root", "umount says who may")
tap.ok(v.mounted(), "and does not")
says(stranger("retain", "--for", "1d", f), 1, "only its owner", "retain says who may")
for c in (("hold", "--case", "c"), ("delete", "--reason", "r"), ("seal",)):
    says(stranger(*c, f), 1, "Permission denied", c[0] + " is refused")
for c in (("status",), ("wait", "--timeout", "9s"), ("verify",), ("rules",), ("anchor",)):
    says(stranger(*c, v.mnt), 0, "", c[0] + " is for everybody who may look into the mount")
says(stranger("rules", v.mnt), 0, "/: seal", "the root has a name")

# -- who may not read a file may not read what its certificate says of it
for name, mode in ("private", 0o600), ("group", 0o640), ("listed", 0o600), ("written", 0o200):
    with open(v.mnt + "/" + name, "w") as x:
        x.write("secret\n")
    os.setxattr(v.mnt + "/" + name, "user.password", b"secret")
    os.chown(v.mnt + "/" + name, 500, 600)
    os.chmod(v.mnt + "/" + name, mode)
acl = struct.pack("<I" + "HHI" * 5, 2, 1, 6, 0xffffffff, 2, 4, 65534, 4, 0, 0xffffffff, 0x10, 4, 0xffffffff, 0x20, 0, 0xffffffff)
os.setxattr(v.mnt + "/listed", "system.posix_acl_access", acl)
os.mkdir(v.mnt + "/closed", 0o700)
kit.run(kit.NOTARYFS, "seal", "-r", v.mnt, check=True)
kit.run(kit.NOTARYFS, "wait", v.mnt, check=True)


def reads(uid, gid, path):
    return kit.run("setpriv", "--reuid", str(uid), "--regid", str(gid), "--clear-groups", "cat", path).returncode == 0


for form in ("%s.cert", "%s.cert.json", "%s.cert.d/record.cbor", ".notary/cert/%s"):
    got = [[reads(u, g, os.path.join(v.mnt, form % name)) for u, g in ((0, 0), (500, 600), (501, 600), (65534, 65534))]
           for name in ("f", "private", "group", "listed", "written", "closed")]
    if form.startswith(".notary"):
        del got[-1]     # of a folder that is the folder
    tap.is_(got, ([[True] * 4, [True, True, False, False], [True, True, True, False], [True, True, False, True],
                  [True, True, False, False], [True, False, False, False]])[:len(got)],
            "%s is for who may read the file, and its owner" % form)

# -- a wait that is ended, by a signal to it alone
with open(v.mnt + "/open", "w") as w:
    p = subprocess.Popen([kit.NOTARYFS, "wait", v.mnt + "/open"])
    tap.ok(kit.wait_for(lambda: kit.children(p.pid)), "it waits")
    kids = [pid for pid, _ in kit.children(p.pid)]
    p.send_signal(signal.SIGTERM)
    tap.is_(p.wait(10), -signal.SIGTERM, "it ends")
    tap.ok(kit.wait_for(lambda: not any(kit.alive(k) for k in kids)), "and leaves nothing behind")
v.umount()
tap.done()
