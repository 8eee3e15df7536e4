#!/usr/bin/python3
"""Status counts every file once, at every moment: also while thousands of them
are being sealed together."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import Tap, Vault, need_fuse

FILES = 3000
STATES = ("open", "settling", "frozen", "sealed", "notarized", "temp", "scratch")

need_fuse()
t = Tap()
v = Vault(settle="500ms")
v.mount()
for i in range(FILES):
    with open(os.path.join(v.mnt, "f%d" % i), "wb") as f:
        f.write(b"%d\n" % i)
wrong, looks, end = {}, 0, time.monotonic() + 120
while time.monotonic() < end:
    n = v.status()["files"]
    looks += n["notarized"] < FILES
    if sum(n[x] for x in STATES) != FILES:
        wrong[sum(n[x] for x in STATES)] = n
    if n["notarized"] == FILES:
        break
t.is_(n["notarized"], FILES, "all files become final")
t.ok(looks > 5, "status was looked at meanwhile (%d times)" % looks)
t.is_(wrong, {}, "and it never counted one twice, or missed one")
v.umount()
v.close()
t.done()
