#!/usr/bin/python3
"""The daemon is killed under a backup: the next mount, and borg and restic go on."""
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import toolkit as tools

kit = tools.kit
s = tools.Scene()
s.env.update(BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK="yes", BORG_BASE_DIR=s.v.dir + "/borg", BORG_RELOCATED_REPO_ACCESS_IS_OK="yes",
             RESTIC_PASSWORD="secret")


def size(folder):
    """Of what is there; the tool may be renaming meanwhile."""
    n = 0
    for d, _, names in os.walk(s.m + folder):
        for name in names:
            try:
                n += os.path.getsize(os.path.join(d, name))
            except FileNotFoundError:
                pass
    return n


def crash(folder, *argv):
    """kill -9 to the daemon when the command has written some MiB into that folder."""
    data = os.urandom(24 << 20)
    with open(s.src + folder + "-data", "wb") as f:
        f.write(data)
    s.seal()
    before = size(folder)
    p = subprocess.Popen(argv, env=s.env, cwd=s.v.dir, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
    if argv[-1] == "-":
        p.stdin.write(data)  # and no end: it waits for more
    under_way = kit.wait_for(lambda: size(folder) > before + (2 << 20))
    pid = s.v.daemon_pid()
    os.kill(pid, signal.SIGKILL)
    kit.wait_for(lambda: not kit.alive(pid))
    s.tap.ok(under_way and p.poll() is None, "the daemon is killed under it: " + argv[0])
    p.kill()
    p.wait()
    s.v.mount()
    s.seal()


if s.needs("borg", "borgbackup"):
    s.folder("b", "borg")
    s.ok("borg init -e none $M/b/repo && borg create $M/b/repo::one src", "borg")
    crash("/b", "borg", "create", s.m + "/b/repo::two", "-")
    s.ok("borg create $M/b/repo::three src", "mounted again, the next backup works")
    s.ok("borg check --verify-data $M/b/repo", "check")
    s.ok("mkdir back; cd back; borg extract $M/b/repo::three", "extract", "")
    s.same(s.src, s.v.dir + "/back/src", "gives back what was saved")
if s.needs("restic", "restic"):
    s.folder("r", "restic")
    R = "restic -q -r $M/r/repo "
    s.ok(R + "init && " + R + "backup src", "restic")
    crash("/r", "restic", "-q", "-r", s.m + "/r/repo", "--limit-upload", "8192", "backup", "src")
    s.ok(R + "backup src", "mounted again, the next backup works")
    s.ok(R + "unlock && " + R + "check --read-data", "check")
s.restored()
s.done()
