#!/usr/bin/python3
"""terminal: what becomes of a mount whose terminal, parent or descriptors go."""
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import *  # noqa: E402,F403

need_fuse()
tap = Tap()
v = Vault()
HANDOVER = v.path + "/state/sequencer/handover"


def begin(*argv):
    """A mount whose daemon is stopped before it answers: it and the daemon's pid."""
    for _ in range(50):
        p = subprocess.Popen([*argv, NOTARYFS, "mount", v.path, v.mnt], stderr=subprocess.PIPE)
        pid = wait_for(lambda: [k for k, name in children(p.pid) if name == "notaryfs"], step=0.001)[0]
        os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: stopped(pid), step=0.001)
        if p.poll() is None and not v.mounted():
            return p, pid
        os.kill(pid, signal.SIGCONT)
        p.communicate()
        v.umount()
    raise RuntimeError("every mount answers before it is stopped")


def stopped(pid):
    with open("/proc/%d/stat" % pid) as f:
        return f.read().rsplit(")", 1)[1].split()[0] == "T"


def put_away(what):
    tap.ok(not v.mounted() and os.listdir(v.mnt) == [], what + ": nothing is mounted")
    tap.ok(os.path.exists(HANDOVER), what + ": the sequencer has handed over")
    p = run(NOTARYFS, "mount", v.path, v.mnt)
    tap.is_((p.returncode, p.stderr), (0, b""), what + ": the next mount has nothing to say")
    v.umount()


# -- whoever waits for the mount is interrupted
for sig in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
    p, pid = begin()
    p.send_signal(sig)
    os.kill(pid, signal.SIGCONT)
    err = p.communicate(timeout=60)[1]
    tap.is_((p.returncode, err), (-sig, b""), sig.name + ": mount ends by it")
    tap.ok(not alive(pid), sig.name + ": after its daemon")
    put_away(sig.name)

p, pid = begin()
p.kill()
p.wait()
os.kill(pid, signal.SIGCONT)
tap.ok(wait_for(lambda: not alive(pid)), "SIGKILL: the daemon ends by itself")
put_away("SIGKILL")

p, pid = begin("nohup")
p.send_signal(signal.SIGHUP)
os.kill(pid, signal.SIGCONT)
p.communicate(timeout=60)
tap.is_((p.returncode, v.mounted()), (0, True), "nohup: SIGHUP is ignored as before")
v.umount()

# -- the daemon is killed before it answers
p, pid = begin()
os.kill(pid, signal.SIGKILL)
err = p.communicate(timeout=60)[1]
tap.ok(p.returncode == 1 and b"ended by a signal (Killed)" in err and b"/vault/state/notaryfs.log" in err,
       "a daemon that is killed is told of") or tap.diag(err)

tap.done()
