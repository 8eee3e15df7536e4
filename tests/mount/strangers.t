#!/usr/bin/python3
"""What commands tell those who may not do what they ask for; and that nothing
is left of a wait that was ended."""
import os
import signal
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
