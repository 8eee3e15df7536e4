#!/usr/bin/python3
"""daemon: start and end, signals, and buckets that are away."""
import ctypes
import errno
import json
import os
import signal
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import *  # noqa: E402,F403

need_fuse()
tap = Tap()
v = Vault(settle="500ms")
conf = os.path.join(v.path, "notaryfs.conf")


def put(name, text="text\n"):
    with open(os.path.join(v.mnt, name), "w") as f:
        f.write(text)


def ended(pid):
    return wait_for(lambda: not alive(pid))


def logged(text):
    return wait_for(lambda: text in v.log())


def pending(pid):
    """Signals that the process has not taken yet."""
    with open("/proc/%d/status" % pid) as f:
        return int(dict(line.split(":", 1) for line in f)["ShdPnd"], 16)


def final(name):
    p = run(NOTARYFS, "wait", os.path.join(v.mnt, name), "--timeout", "300s")
    return p.returncode == 0


# -- foreground, and its end by a signal
fg = subprocess.Popen([NOTARYFS, "mount", v.path, v.mnt, "-f"], stderr=subprocess.PIPE)
tap.ok(wait_for(v.mounted), "-f: it is mounted")
tap.is_(v.pid(), fg.pid, "by the process itself")
put("one")
fg.send_signal(signal.SIGTERM)
tap.is_(fg.wait(60), 0, "SIGTERM: an orderly end, exit code 0")
err = fg.stderr.read().decode()
tap.ok("event=mounted dir=" + v.mnt in err and "event=signal signal=SIGTERM" in err,
       "-f: the log is on stderr too")
tap.ok(not v.mounted(), "and it is unmounted")
tap.ok(os.path.exists(v.path + "/state/sequencer/handover"), "the sequencer has handed over")

# -- background
prom = os.path.join(v.dir, "numbers.prom")
p = v.mount("-o", "backlog_files=5K,metrics_file=" + prom)
tap.is_(p.stderr, b"", "an orderly end needs no words at the next mount")
tap.ok(final("one"), "what was written before is sealed and final now")
p = run(NOTARYFS, "status", v.mnt, "--json")
s = json.loads(p.stdout)
tap.is_(s["trust"], "local software", "the trust class is what it is without a mount")
tap.ok("sandboxed" in s["isolation"], "what the sequencer is kept in is said besides")
pid = v.pid()
os.kill(pid, signal.SIGUSR1)
tap.ok(logged(" event=status files_open="), "SIGUSR1 logs the status")
n = v.log().count(" event=status files_open=")
os.kill(pid, signal.SIGUSR2)
wait_for(lambda: not pending(pid))
os.kill(pid, signal.SIGUSR1)
tap.ok(wait_for(lambda: v.log().count(" event=status files_open=") > n, timeout=20), "SIGUSR2 is nothing to it")
with open(conf) as f:
    text = f.read()
with open(conf, "w") as f:
    f.write(text.replace("settle = 500ms", "settle = 2h"))
tap.ok(wait_for(lambda: os.path.exists(prom)), "a setting that the mount was given counts")
os.unlink(prom)
os.kill(pid, signal.SIGHUP)
tap.ok(logged(" event=config-read file=" + conf), "SIGHUP reads the settings again")
tap.ok(wait_for(lambda: os.path.exists(prom)), "and what the mount was given still counts")
put("two")
for name, to in (("to-file", "two"), ("to-root", "."), ("from.tmp", "two")):
    os.symlink(to, os.path.join(v.mnt, name))
run(NOTARYFS, "seal", v.mnt + "/to-file", v.mnt + "/to-root")
for name in ("to-file", "to-root"):
    p = run(NOTARYFS, "wait", v.mnt + "/" + name, "--timeout", "300s")
    tap.is_(p.returncode, 0, "wait for a symbolic link is for itself, " + name)
p = run(NOTARYFS, "verify", v.mnt + "/to-file")
tap.is_((p.returncode, b"nothing to verify" in p.stderr), (2, True), "verify of a link alone is not as if all was well")
os.mkdir(v.mnt + "/new")
p = run(NOTARYFS, "wait", v.mnt + "/new", "--timeout", "1ms")
tap.is_((p.returncode, b"a folder that changed" in p.stderr), (2, True), "wait says why a folder is not final yet")
open(v.mnt + "/nothing", "w").close()
p = run(NOTARYFS, "wait", v.mnt + "/nothing", "--timeout", "100ms")
tap.is_((p.returncode, b"empty, so it settles for a day" in p.stderr), (2, True), "wait says why an empty file takes its time")
os.unlink(v.mnt + "/nothing")
p = run(NOTARYFS, "wait", v.mnt + "/from.tmp", "--timeout", "1500ms")
tap.ok(p.returncode == 2 and b"from.tmp: a symbolic link that is not final yet" in p.stderr,
       "one that never will be is named")
p = run(NOTARYFS, "wait", v.mnt + "/two", "--timeout", "1500ms")
tap.ok(p.returncode == 2 and b"settling" in p.stderr, "and they count")
with open(conf, "w") as f:
    f.write(text + "settle = 1\n")
os.kill(pid, signal.SIGHUP)
tap.ok(logged(" event=config-refused "), "a bad file changes nothing")
with open(conf, "w") as f:
    f.write(text)
os.kill(pid, signal.SIGHUP)
busy = subprocess.Popen(["sleep", "60"], cwd=v.mnt)
p = run(NOTARYFS, "umount", v.mnt)
tap.ok(p.returncode == 1 and b"is busy" in p.stderr, "a busy mount is not taken away, in words")
busy.kill()
busy.wait()
run("fusermount3", "-u", v.mnt, check=True)
tap.ok(ended(pid), "fusermount3 -u ends the daemon too")
tap.ok(os.path.exists(v.path + "/state/sequencer/handover"), "with a hand-over")

# -- a shell stops a command and lets it go on (Ctrl-Z, fg)
def first(pid, path):
    """That file of its child."""
    try:
        with open("/proc/%d/%s" % (children(pid)[0][0], path)) as f:
            return f.read()
    except (OSError, IndexError):
        return None


def stuck(pid):
    """Is its child in one system call all the time?"""
    was = first(pid, "syscall")
    time.sleep(0.1)
    return was not in (None, "running\n") and was == first(pid, "syscall")


v.mount()
away = [v.buckets()[i] for i in (1, 4)]
for b in away:
    os.rename(b, b + ".away")
put("later")
os.symlink("later", os.path.join(v.mnt, "link"))
waiting = [subprocess.Popen([NOTARYFS, "wait", os.path.join(v.mnt, x)], stderr=subprocess.PIPE, start_new_session=True)
           for x in ("later", "link")]
for w in waiting:
    tap.ok(wait_for(lambda: stuck(w.pid)), "it waits")
    os.killpg(w.pid, signal.SIGSTOP)
    wait_for(lambda: " (notaryfs) T " in (first(w.pid, "stat") or ""))
    os.killpg(w.pid, signal.SIGCONT)
for b in away:
    os.rename(b + ".away", b)
for w in waiting:
    said = w.communicate(timeout=120)[1]
    tap.ok(w.returncode == 0 and b"nterrupted" not in said, "it was stopped and goes on") or tap.diag(said)
v.umount()

# -- killed
v.mount()
put("three")
pid = v.pid()
run(NOTARYFS, "seal", v.mnt + "/three", check=True)
os.kill(pid, signal.SIGKILL)
tap.ok(ended(pid), "the daemon is killed")
for c in "status", "wait", "seal", "anchor", "verify", "cert", "rules":
    p = run(NOTARYFS, c, v.mnt)
    tap.ok(p.returncode == 1 and b"the daemon of this mount is gone; notaryfs mount" in p.stderr, c + " says so, and what to do") or tap.diag(p.stderr)
p = run(NOTARYFS, "umount", v.mnt)
tap.ok(p.returncode == 0 and b"daemon was gone already" in p.stderr and not v.mounted(), "umount takes its remains")
p = v.mount()
tap.ok(b"recovers the chain" in p.stderr, "the next mount says that it recovers")
tap.ok(final("three") and final("two"), "and goes on")
v.umount()

# -- killed again before anything was numbered: each recovery took a number
for _ in range(2):
    v.mount()
    pid = v.pid()
    os.kill(pid, signal.SIGKILL)
    ended(pid)
p = v.mount()
tap.ok(b"recovers" in p.stderr and b"left over" in p.stderr, "mount takes the remains away by itself")
v.umount()

# -- killed while it answers the kernel's first request (FUSE_INIT), and a thread
#    of it is still on its way out: the kernel refuses all that is asked
libc = ctypes.CDLL(None, use_errno=True)
options = "fd=%d,rootmode=40000,user_id=0,group_id=0"


def unborn(kind):
    fd = os.open("/dev/fuse", os.O_RDWR)
    if libc.mount(v.path.encode(), v.mnt.encode(), kind, 6, (options % fd).encode()) != 0:
        raise OSError(ctypes.get_errno(), "mount")
    unique, = struct.unpack_from("8xQ", os.read(fd, 1 << 20))
    os.write(fd, struct.pack("IiQ", 16, -errno.EIO, unique))
    try:
        os.statvfs(v.mnt)
        raise RuntimeError("it answers")
    except ConnectionRefusedError:
        return fd


fd = unborn(b"fuse.notaryfs")
p = run(NOTARYFS, "status", v.mnt)
tap.ok(p.returncode == 1 and b"the daemon of this mount is gone; notaryfs mount" in p.stderr, "killed while it starts: status says so") or tap.diag(p.stderr)
p = run(NOTARYFS, "umount", v.mnt)
tap.ok(p.returncode == 0 and b"daemon was gone already" in p.stderr and not v.mounted(), "umount takes its remains") or tap.diag(p.stderr)
os.close(fd)
fd = unborn(b"fuse.notaryfs")
p = run(NOTARYFS, "mount", v.path, v.mnt)
tap.ok(p.returncode == 0 and b"left over" in p.stderr, "and so does mount") or tap.diag(p.stderr)
os.close(fd)
v.umount()
fd = unborn(b"fuse.other")
p = run(NOTARYFS, "mount", v.path, v.mnt)
tap.ok(p.returncode == 1 and b"not one of notaryfs: unmount it first" in p.stderr, "a dead mount of another kind is left alone") or tap.diag(p.stderr)
p = run(NOTARYFS, "umount", v.mnt)
tap.ok(p.returncode == 1 and b"not one of notaryfs" in p.stderr and v.mounted(), "by umount too") or tap.diag(p.stderr)
run("umount", v.mnt, check=True)
os.close(fd)
p = run(NOTARYFS, "audit", v.path)
if not tap.is_(p.returncode, 0, "numbers that a killed daemon did not store are in the buckets now"):
    tap.diag((p.stdout + p.stderr).decode())

# -- buckets
away = os.path.join(v.path, "buckets/4")
os.rename(away, away + ".away")
p = v.mount()
tap.ok(b"buckets/4 is not there" in p.stderr, "a bucket that is away is told")
put("four")
run(NOTARYFS, "seal", v.mnt + "/four", check=True)
tap.ok(final("four"), "five of six are enough")
b = v.status()["buckets"]
tap.is_([x["ok"] for x in b], [True, True, True, True, False, True], "status tells which is not")
p = run(NOTARYFS, "status", v.mnt)
tap.ok(b"FAILED" in p.stdout and b"No such file or directory" in p.stdout, "in words too")
v.umount()
p = run(NOTARYFS, "audit", v.path)
tap.ok(p.returncode == 2 and b"buckets/4 cannot be used" in p.stderr, "audit cannot say about it")
os.rename(away + ".away", away)
p = run(NOTARYFS, "audit", v.path)
tap.ok(p.returncode == 1 and b"buckets/4: " in p.stdout and b"missing" in p.stdout, "back, it lacks what came meanwhile")
p = run(NOTARYFS, "mount", v.path, v.mnt, "-o", "defaults,noauto,nofail,x-systemd.automount")
tap.is_(p.returncode, 0, "what /etc/fstab has for others is left alone")
tap.ok(wait_for(lambda: run(NOTARYFS, "audit", v.path).returncode == 0, step=0.2),
       "mounted again it gets it, and the audit is clean")
v.umount("--final")
tap.done()
