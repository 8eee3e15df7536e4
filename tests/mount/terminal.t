#!/usr/bin/python3
"""terminal: what becomes of a mount whose terminal, parent or descriptors go."""
import fcntl
import os
import select
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import *  # noqa: E402,F403

need_fuse()
tap = Tap()
signal.signal(signal.SIGINT, signal.SIG_DFL)    # a background shell ignores it
v = Vault()
w = Vault()
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


def holds(pid, path):
    """Has that process that file open?"""
    try:
        return any(os.readlink("/proc/%d/fd/%s" % (pid, n)) == path for n in os.listdir("/proc/%d/fd" % pid))
    except OSError:
        return False


def daemon_holds(p, path):
    return any(holds(pid, path) for pid, _ in children(p.pid))


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

# -- standard descriptors that are closed
def closed(what, *argv, program=NOTARYFS, timeout=60):
    return run("sh", "-c", what, program, *argv, timeout=timeout)


p = closed('"$0" mount "$1" "$2" <&- >&-', v.path, v.mnt)
tap.is_((p.returncode, v.mounted()), (0, True), "mount without 0 and 1 returns")
p = closed('"$0" status "$1" >&-', v.path)
tap.ok(p.returncode != 0 and b"standard output could not be written" in p.stderr, "what cannot be written is told of")
v.umount()
p = closed('"$0" mount "$1" "$2" 2>&-', v.path, v.mnt)
tap.is_((p.returncode, v.mounted()), (0, True), "mount without 2 mounts")
v.umount()
p = subprocess.Popen(["sh", "-c", 'exec "$0" mount -f "$1" "$2" <&- 2>&-', NOTARYFS, v.path, v.mnt])
wait_for(v.mounted)
with open(v.path + "/state/lock") as f:
    tap.is_(f.read(), "%d\n%s\n" % (p.pid, v.mnt), "no file gets what is said at 2")
v.umount()
tap.is_(p.wait(60), 0, "and it ends as ever")
p = closed('"$0" --help >&-', program=VERIFY)
tap.ok(p.returncode != 0, "notary-verify: what cannot be written is told of")

# -- a daemon that is still putting everything away
odd = v.dir + "/a mount\\point\t"
os.mkdir(odd)
for at in v.mnt, odd:
    run(NOTARYFS, "mount", v.path, at, check=True)
    pid = v.daemon_pid()
    os.kill(pid, signal.SIGSTOP)
    run("fusermount3", "-u", at, check=True)
    p = subprocess.Popen([NOTARYFS, "mount", v.path, at], stderr=subprocess.PIPE)
    wait_for(lambda: p.poll() is not None or daemon_holds(p, v.path + "/state/lock"))
    os.kill(pid, signal.SIGCONT)
    err = p.communicate(timeout=60)[1]
    tap.is_((p.returncode, err), (0, b""), "mount waits for the one before")
    p = run(NOTARYFS, "mount", v.path, w.mnt, timeout=20)
    tap.ok(p.returncode == 1 and b"is mounted at " in p.stderr, "and not for one that serves") or tap.diag(p.stderr)
    run(NOTARYFS, "umount", at, check=True)

# -- by a link
link = v.dir + "/link"
os.symlink("mnt", link)
for more in [], ["--final"]:
    run(NOTARYFS, "mount", v.path, link, check=True)
    p = run(NOTARYFS, "umount", link, *more)
    tap.is_((p.returncode, p.stderr, v.mounted()), (0, b"", False), " ".join(["umount by a link", *more]))

# -- what the name of a mount point may not have
os.mkdir(v.dir + "/new\nline")
p = run(NOTARYFS, "mount", v.path, v.dir + "/new\nline")
tap.ok(p.returncode == 1 and b"has a newline in its name" in p.stderr, "a newline is refused") or tap.diag(p.stderr)

# -- descriptors that are not ours
r, w_end = os.pipe()
p = run(NOTARYFS, "mount", v.path, v.mnt, pass_fds=[w_end])
os.close(w_end)
tap.ok(p.returncode == 0 and select.select([r], [], [], 60)[0] and os.read(r, 1) == b"",
       "the daemon keeps none")
os.close(r)
v.umount()

# -- two umounts at one moment
v.mount()
f = open(v.mnt + "/.notary/status")
late = subprocess.Popen([NOTARYFS, "umount", v.mnt], stderr=subprocess.PIPE)
wait_for(lambda: late.poll() is not None or holds(late.pid, "anon_inode:[pidfd]"), step=0.001)
os.kill(late.pid, signal.SIGSTOP)
f.close()
p = run(NOTARYFS, "umount", v.mnt)
tap.is_((p.returncode, p.stderr), (0, b""), "an umount beside another one")
os.kill(late.pid, signal.SIGCONT)
err = late.communicate(timeout=60)[1]
tap.is_((late.returncode, err), (0, b""), "that finds nothing left to do")

# -- two vaults at one place at one moment
#    (it takes a while to look at what is in them)
for x in v, w:
    for i in range(5000):
        open("%s/files/%d" % (x.path, i), "w").close()
place = os.open(v.mnt, os.O_RDONLY)
fcntl.flock(place, fcntl.LOCK_EX)
both = [subprocess.Popen([NOTARYFS, "mount", x.path, v.mnt], stderr=subprocess.PIPE) for x in (v, w)]
wait_for(lambda: all(p.poll() is not None or daemon_holds(p, v.mnt) for p in both))
os.close(place)
err = b"".join(p.communicate(timeout=60)[1] for p in both)
tap.is_(sorted(p.returncode for p in both), [0, 1], "two mounts at one place: one is refused")
tap.ok(b"is a mounted notaryfs already" in err, "by the name of the other") or tap.diag(err)
run(NOTARYFS, "umount", v.mnt, check=True)
tap.ok(not v.mounted(), "and there was one alone")
for x in v, w:
    tap.is_(x.mount().stderr, b"", "both have handed over")
    x.umount()

tap.done()
