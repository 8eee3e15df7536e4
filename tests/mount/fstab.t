#!/usr/bin/python3
"""fstab: mount(8), umount(8) and /etc/fstab, and mounts of ordinary users.

Everything happens in a mount namespace of its own, in which /usr/sbin, fstab
and fuse.conf are other files: the machine's own are not touched.
"""
import os
import shutil
import sqlite3
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import *  # noqa: E402,F403

need_fuse()
if os.geteuid() != 0:
    skip_all("not root: mount(8) and other users cannot be tried")
own_namespace()

tap = Tap()
NOBODY = 65534
v = Vault(settle="500ms")
os.chmod(v.dir, 0o755)
# the programs, where everybody can run them
bin = os.path.join(v.dir, "bin")
os.mkdir(bin)
for n in "notaryfs notaryfs-attestor notaryfs-enclave".split():
    shutil.copy(os.path.join(BUILD, n), bin)
tool = os.path.join(bin, "notaryfs")


def bind(target, text):
    f = os.path.join(v.dir, "over" + target.replace("/", "-"))
    with open(f, "w") as o:
        o.write(text)
    if not os.path.exists(target):
        return False
    run("mount", "--bind", f, target, check=True)
    return True


def said(p):
    return (p.stdout + p.stderr).decode("utf-8", "replace")


def refused(p, words, what):
    if not tap.ok(p.returncode != 0 and words in said(p), what):
        tap.diag("exit %d: %s" % (p.returncode, said(p)))


# -- mount(8)
over = os.path.join(v.dir, "sbin")
os.mkdir(over)
for h in ("mount.fuse.notaryfs", "umount.fuse.notaryfs"):
    os.symlink(tool, os.path.join(over, h))
p = run("mount", "-t", "overlay", "overlay", "-o", "lowerdir=%s:/usr/sbin" % over, "/usr/sbin")
if p.returncode != 0:
    print("# SKIPPED: mount(8) and fstab, because /usr/sbin cannot be overlaid here: " + said(p).strip())
else:
    MOUNT = ["mount", "-t", "fuse.notaryfs", v.path, v.mnt]
    p = run(*MOUNT, "-o", "settle=700ms,rw,nosuid,nodev,noexec,relatime,_netdev,nofail,x-systemd.automount,X-a.b")
    if not tap.ok(p.returncode == 0 and v.mounted(), "mount -t fuse.notaryfs VAULT DIR, with options of mount(8)"):
        tap.diag(said(p))
    with open("/proc/self/mountinfo") as f:
        line = [x for x in f if " %s " % v.mnt in x][0]
    tap.ok({"nosuid", "nodev", "noexec"} <= set(line.split()[5].split(",")), "nosuid, nodev and noexec are honoured")
    pid = v.pid()
    with open(v.mnt + "/one", "w") as f:
        f.write("text\n")
    refused(run("mount", "-o", "remount,settle=2s", v.mnt), "do not change while it is mounted", "a remount is refused in words")
    p = run("umount", v.mnt)
    tap.ok(p.returncode == 0 and not v.mounted() and not alive(pid) and
           os.path.exists(v.path + "/state/sequencer/handover"), "umount returns when the daemon has handed over")

    # without an option that mount(8) keeps, umount(8) looks for no helper
    p = run(*MOUNT, "-o", "ro,x-notaryfs")
    try:
        open(v.mnt + "/two", "w")
        tap.ok(False, "ro: nobody can write")
    except OSError as e:
        tap.is_(e.strerror, "Read-only file system", "ro: nobody can write")
    p = run(tool, "wait", v.mnt + "/one", "--timeout", "300s")
    tap.is_(p.returncode, 0, "but what was written before is sealed and becomes final")
    run("umount", v.mnt)

    refused(run(*MOUNT, "-o", "setle=2s"), "did you mean settle?", "an unknown option is named, and the nearest")
    refused(run(*MOUNT, "-o", "settle=1"), "must be a time", "a bad setting")
    refused(run(*MOUNT, "-o", "fsname=x"), "it is always the vault", "what cannot be had")
    p = run("mount", "-t", "fuse.notaryfs", v.dir, v.mnt)
    tap.ok(p.returncode == 32 and "is not a vault" in said(p), "no vault: mount(8)'s exit code for a failure")
    tap.is_(run(over + "/mount.fuse.notaryfs", v.path).returncode, 1, "and for wrong usage")
    tap.is_(run(over + "/mount.fuse.notaryfs", v.path, v.mnt, "-f", "-o", "rw").returncode, 0, "-f only pretends")
    tap.ok(not v.mounted(), "as it should")

    # -- /etc/fstab
    if bind("/etc/fstab", "%s %s fuse.notaryfs settle=2s,nofail,x-systemd.requires-mounts-for=/srv 0 0\n" % (v.path, v.mnt)):
        p = run("mount", v.mnt)
        if not tap.ok(p.returncode == 0 and v.mounted(), "a line of /etc/fstab: mount DIR"):
            tap.diag("exit %d: %s" % (p.returncode, said(p)))
        run("mount", "-a", "-t", "fuse.notaryfs", check=True)
        with open("/proc/mounts") as f:
            tap.is_(f.read().count(v.mnt), 1, "mount -a does not mount it again")
        refused(run("mount", "-t", "fuse.notaryfs", v.path, v.dir + "/sbin"), "is mounted at " + v.mnt, "the vault is mounted already")
        tap.is_(run("umount", v.mnt).returncode, 0, "umount DIR")
    else:
        print("# SKIPPED: there is no /etc/fstab to put another one over")

# -- an ordinary user
home = os.path.join(v.dir, "home")
os.mkdir(home)
os.chown(home, NOBODY, NOBODY)
AS = ["setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups", "env", "HOME=" + home]
vault, mnt = home + "/vault", home + "/mnt"
if os.stat("/dev/fuse").st_mode & 0o006 != 0o006: # as udev would set it
    os.mknod(v.dir + "/fuse", stat.S_IFCHR | 0o666, os.stat("/dev/fuse").st_rdev)
    os.chmod(v.dir + "/fuse", 0o666)
    run("mount", "--bind", v.dir + "/fuse", "/dev/fuse")
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError: # no devices on that disk
        run("umount", "/dev/fuse")
if not (os.stat("/dev/fuse").st_mode & 0o006 == 0o006 and
        os.stat(shutil.which("fusermount3")).st_mode & stat.S_ISUID):
    print("# SKIPPED: users may not mount here (/dev/fuse, or fusermount3 is not setuid)")
    tap.done()


def user(*argv):
    return run(*AS, *argv)


user(tool, "init", vault, "--settle", "500ms")
user("mkdir", mnt)
bind("/etc/fuse.conf", "# nothing\n")
p = user(tool, "mount", vault, mnt, "-o", "allow_other")
tap.is_(p.returncode, 1, "allow_other without leave is refused, not wrong usage")
refused(p, "user_allow_other to /etc/fuse.conf", "allow_other: who must allow it, and where")
refused(user(tool, "mount", vault, v.mnt), "may write to", "a folder that is not the user's")
p = user(tool, "mount", vault, mnt)
if not tap.ok(p.returncode == 0, "a user mounts his vault"):
    tap.diag(said(p))
p = user("sh", "-c", "echo text >%s/f && %s seal %s/f && %s wait %s/f --timeout 300s && test -s %s/f.cert" % (mnt, tool, mnt, tool, mnt, mnt))
if not tap.ok(p.returncode == 0, "writes, seals and gets a certificate"):
    tap.diag(said(p))
p = user("sh", "-c", "echo more >>%s/f" % mnt)
tap.ok(b"Operation not permitted" in p.stderr, "and cannot change what is sealed")
for who, p in (("his", user(tool, "check", vault)), ("root's", run(tool, "check", vault))):
    tap.ok(b"\nwarning  immutable: sealed files and objects are not made immutable (chattr +i), which only root can" in p.stdout,
           who + " check says that nothing is immutable, and what follows")
p = user("sh", "-c", "echo other >%s/files/f; %s scrub %s" % (vault, tool, vault))
tap.ok(p.returncode == 1 and b"files/f is not what was recorded" in p.stderr, "what he changes past the mount, scrub finds")
user(tool, "umount", mnt)
p = user(tool, "repair", vault)
tap.ok(p.returncode == 0 and open(vault + "/files/f").read() == "text\n", "and repair makes again")
user(tool, "mount", vault, mnt)
p = run("ls", mnt)
tap.ok(p.returncode != 0 and b"Permission denied" in p.stderr, "nobody else sees the mount, root neither")
p = run(tool, "status", vault)
tap.ok(p.returncode == 0 and b"mount      %s, process" % mnt.encode() in p.stdout and
       b"tells its state to that user only" in p.stderr, "root's status says that it is mounted, and why it says no more")
pid = int(open(vault + "/state/lock").read().split()[0])
p = user(tool, "umount", mnt)
tap.ok(p.returncode == 0 and not alive(pid) and os.path.exists(vault + "/state/sequencer/handover"), "umount waits for the hand-over")
# folders that keep their owner out keep the daemon out as well
user(tool, "mount", vault, mnt)
closed = {"none": 0, "list": 0o400, "enter": 0o300}
user("sh", "-ec", "cd %s; for d in %s; do mkdir -p $d/in; echo 1 >$d/in/old; done; %s seal -r .; %s wait --timeout 300s .; "
     "for d in *; do test -f $d || echo 2 >$d/in/new; done" % (mnt, " ".join(closed), tool, tool))
for d, mode in closed.items():
    user("chmod", "%o" % mode, mnt + "/" + d)
user(tool, "umount", mnt)
p = user(tool, "mount", vault, mnt)
if not tap.ok(p.returncode == 0, "a vault with folders that their owner may not look into is mounted"):
    tap.diag(said(p))
log = open(vault + "/state/notaryfs.log").read()
tap.is_([d for d in closed if 'path=%s msg="not looked through' % d not in log], [], "the journal names them")
for d in closed:
    user("chmod", "755", mnt + "/" + d)
names = ["%s/%s/in/%s" % (mnt, d, x) for d in closed for x in ("old", "new")]
p = user("timeout", "120", tool, "wait", *names)
if not tap.ok(p.returncode == 0, "open again, all in them becomes final"):
    tap.diag(said(p))
user(tool, "umount", "--final", mnt)
p = user(tool, "scrub", vault)
if not tap.ok(p.returncode == 0, "and all is as it was recorded"):
    tap.diag(said(p))
with sqlite3.connect("file:%s/state/notary.db?mode=ro" % vault, uri=True) as db:
    tap.is_(db.execute("SELECT path FROM record WHERE kind = 4").fetchall(), [], "no folder was taken for gone meanwhile")
if os.path.exists("/etc/fuse.conf"):
    run("umount", "/etc/fuse.conf")
    bind("/etc/fuse.conf", "user_allow_other\n")
    p = user(tool, "mount", vault, mnt, "-o", "allow_other")
    tap.ok(p.returncode == 0 and run("cat", mnt + "/f").stdout == b"text\n", "with user_allow_other others see it")
    p = user("fusermount3", "-u", mnt)
    tap.is_(p.returncode, 0, "fusermount3 -u")
run("umount", "-l", mnt)
tap.done()
