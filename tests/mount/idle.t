#!/usr/bin/python3
"""idle: temporary names that were left alone for longer than temp_max."""
import json
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import *  # noqa: E402,F403

need_fuse()
t = Tap()
v = Vault()
MAX = 3  # seconds


def set_max(value):
    with open(v.path + "/notaryfs.conf") as f:
        lines = [x for x in f if not x.startswith("temp_max")]
    with open(v.path + "/notaryfs.conf", "w") as f:
        f.writelines(lines + ["temp_max = %s\n" % value])


def put(name):
    with open(os.path.join(v.mnt, name), "w") as f:
        f.write("x")


def idle():
    return v.status()["idle"]["files"]


def said(*options):
    return run(NOTARYFS, "status", v.mnt, *options, check=True).stdout.decode()


t.ok("#temp_max = 7d\n" in open(v.path + "/notaryfs.conf").read(), "a week unless said otherwise, and the file says so")
v.mount()
put("young.part")
wait_for(lambda: time.time() - os.stat(v.mnt + "/young.part").st_ctime > 1)  # an age that shows
t.is_(v.status()["idle"], {"files": 0, "oldest_s": 0}, "within a week nothing is said")
v.umount()

set_max("%ds" % MAX)
v.mount()
os.mkdir(v.mnt + "/in")
began = time.time()
put("in/old\n.part")
for name in ("in/touched.part", "in/renamed.part", "in/removed.part", "in/.scratch.swp", "in/sealed"):
    put(name)
os.symlink("x", v.mnt + "/in/link.part")
writer = open(v.mnt + "/in/written.part", "w")
writer.write("x")
writer.flush()
# read, and all the same it rests
t.ok(wait_for(lambda: open(v.mnt + "/in/old\n.part").read() and idle() == 5),
     "%d s: those of class temp, not what is open for writing, a link or scratch" % MAX)
t.is_(v.status()["files"]["temp"], 6, "of those that are temp")
age = v.status()["idle"]["oldest_s"]
t.ok(MAX <= age <= time.time() - os.stat(v.path + "/files/young.part").st_ctime, "and for how long, of the mount before too (%d s)" % age)
os.remove(v.mnt + "/young.part")
age = v.status()["idle"]["oldest_s"]
t.ok(MAX <= age <= time.time() - began, "then of the next")

s = json.loads(said("--json"))
t.is_(s["idle_oldest"], "in/old\n.part", "whoever mounted it is told which")
t.is_(v.status()["idle_oldest"], None, "but not whoever may read the status")
t.is_(os.stat(v.mnt + "/.notary/idle").st_mode & 0o777, 0o400, "as with the names of what is hashed")
t.is_(s["summary"], "look", "somebody has to look")
t.ok("4 files have a temporary name" in s["summary_text"] and "rename what is to be kept" in s["advice"], "why, and what to do")
t.ok(re.search(r"^idle       4 temp for longer than temp_max, the oldest for \d+ s: in/old\W.*part$", said(), re.M), "in words")
t.ok('notaryfs_idle_files{vault="%s"} 4\n' % v.path in said("--metrics"), "in numbers")
t.ok("in/old" in run(NOTARYFS, "wait", v.mnt, "--timeout", "300s").stderr.decode("utf-8", "replace"), "wait names it, as is said")

os.chmod(v.mnt + "/in/touched.part", 0o600)
os.rename(v.mnt + "/in/renamed.part", v.mnt + "/in/renamed")
os.remove(v.mnt + "/in/removed.part")
t.is_(idle(), 1, "what is changed, renamed or removed is not idle")
writer.close()
v.umount()
v.mount()
elapsed = int(time.time() - began)
s = json.loads(said("--json"))
t.ok(s["idle"]["files"] >= 1 and s["idle"]["oldest_s"] >= elapsed - 1 and s["idle_oldest"] == "in/old\n.part",
     "a mount does not begin anew")
os.link(v.mnt + "/in/old\n.part", v.mnt + "/in/kept")
t.ok("in/old" not in str(json.loads(said("--json"))["idle_oldest"]), "a name that is sealed makes it one to be kept")
put("in/last.part")
t.ok(wait_for(lambda: json.loads(said("--json"))["idle"]["files"] == 3), "the others are idle in their turn")
set_max("never")
os.kill(v.pid(), signal.SIGHUP)
t.ok(wait_for(lambda: idle() == 0), "never: SIGHUP takes it")
t.is_(open(v.mnt + "/.notary/idle").read(), "", "and none is named")
set_max("soon")
os.kill(v.pid(), signal.SIGHUP)
t.ok(wait_for(lambda: "temp_max = soon: must be a time like 7d or 12h, or never" in v.log()), "nonsense is refused")
t.done()
