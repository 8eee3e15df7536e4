#!/usr/bin/python3
"""forget: what the kernel does not ask about any more costs no memory."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import vaultkit as kit
from vaultkit import call

N, BACK = 50000, 5 << 10  # FIFOs, which nobody seals; KiB of the ten MiB and more that they take
MS_REMOUNT = 32

kit.need_fuse()
if os.geteuid() != 0:
    kit.skip_all("not root: the kernel cannot be asked to forget")
if not os.path.exists(os.path.join(kit.BUILD, "tests/libnomemory.so")):
    kit.skip_all("a build with sanitizers has memory of its own")
tap = kit.Tap()


def resident():
    with open("/proc/%d/status" % v.pid()) as f:
        return next(int(x.split()[1]) for x in f if x.startswith("VmRSS:"))


v = kit.Vault(settle="1h")
v.mount()
before = resident()
for i in range(N):
    if i % 500 == 0:
        os.mkdir("%s/%d" % (v.mnt, i // 500))
    os.mkfifo("%s/%d/f%d" % (v.mnt, i // 500, i))
full = resident()
tap.ok(full > before + BACK, "%d names are held while the kernel knows them" % N)
call("mount", None, v.mnt.encode(), None, MS_REMOUNT, None)
tap.ok(kit.wait_for(lambda: resident() < full - BACK), "their memory is given back when it forgets them")
tap.diag("%d, %d, %d KiB" % (before, full, resident()))
tap.is_(len(os.listdir(v.mnt + "/7")), 500, "and they are all there")
os.unlink(v.mnt + "/7/f3500")
v.umount()
tap.done()
