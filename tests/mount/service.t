#!/usr/bin/python3
"""service: contrib/systemd as systemd sees it, and a mount with no more rights
than the unit leaves."""
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import *  # noqa: E402,F403

need_fuse()
tap = Tap()
UNIT = os.path.join(TOP, "contrib/systemd/notaryfs@.service")
with open(UNIT) as f:
    unit = f.read()
v = Vault(settle="500ms")

# -- systemd reads it
if shutil.which("systemd-analyze"):
    place = os.path.join(v.dir, "notaryfs@test.service")
    with open(place, "w") as f:
        f.write(unit.replace("ExecStart=notaryfs", "ExecStart=" + NOTARYFS))
    p = run("systemd-analyze", "verify", "--man=no", place)
    said = "\n".join(x for x in (p.stdout + p.stderr).decode().splitlines() if "notaryfs@test" in x)
    if not tap.ok(p.returncode == 0 and not said, "systemd-analyze has nothing to say about the unit"):
        tap.diag(p.stderr.decode())
else:
    print("# SKIPPED: systemd-analyze is not installed; the unit was NOT verified")

# -- its command line, word by word as systemd splits it
with open(v.dir + "/environment", "w") as f:
    f.write("VAULT=%s\nDIR=%s\nOPTIONS=-o settle=700ms\n" % (v.path, v.mnt))
start = re.search(r"^ExecStart=(.*)$", unit, re.M).group(1)
env = dict(x.rstrip("\n").split("=", 1) for x in open(v.dir + "/environment"))
argv = []
for word in start.split():
    m = re.fullmatch(r"\$\{(\w+)\}", word)
    argv += [env[m.group(1)]] if m else env.get(word[1:], "").split() if word[0] == "$" else [word]
argv[0] = NOTARYFS

# -- with the rights that it leaves
if os.geteuid() != 0:
    print("# SKIPPED: not root, so that rights cannot be taken away")
    tap.done()
caps = re.search(r"^CapabilityBoundingSet=(.*)$", unit, re.M).group(1).lower().replace("cap_", "+").split()
less = ["setpriv", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all," + ",".join(caps)]
told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
told.bind(v.dir + "/notify")
told.settimeout(60)
fg = subprocess.Popen(less + argv, stderr=subprocess.PIPE, env=dict(os.environ, NOTIFY_SOCKET=v.dir + "/notify"))
tap.ok(told.recv(4096).startswith(b"READY=1"), "it starts")
with open("/proc/%d/status" % fg.pid) as f:
    bounding = int(re.search(r"^CapBnd:\s*(\w+)", f.read(), re.M).group(1), 16)
tap.is_(bin(bounding).count("1"), len(caps), "with the unit's capabilities and no others")
tree = v.mnt + "/tree"
p = run("cp", "-a", "/usr/share/doc/libfuse3-dev" if os.path.isdir("/usr/share/doc/libfuse3-dev") else TOP + "/contrib", tree)
os.mkfifo(v.mnt + "/fifo")
with open(v.mnt + "/file", "w") as f:
    f.write("text\n")
os.chown(v.mnt + "/file", 1234, 1234)
os.chmod(v.mnt + "/file", 0o4711)
tap.is_((p.returncode, oct(os.stat(v.mnt + "/file").st_mode), os.stat(v.mnt + "/file").st_uid),
        (0, "0o104711", 1234), "whatever root does to files can be done")
run(NOTARYFS, "seal", "-r", v.mnt, check=True)
tap.is_(run(NOTARYFS, "wait", v.mnt + "/tree", v.mnt + "/file", "--timeout", "120s").returncode, 0, "they become final")
p = run("lsattr", v.path + "/files/file")
if p.returncode == 0:
    tap.ok("i" in p.stdout.decode().split()[0], "and immutable")
os.mkdir(v.mnt + "/many")
for i in range(1100):
    os.symlink("x", v.mnt + "/many/%d" % i)
tap.ok(v.status()["isolation"].startswith("sandboxed: "), "the sequencer has its sandbox: " + v.status()["isolation"])

# -- the end: SIGTERM to the main process alone
fg.send_signal(signal.SIGTERM)
tap.is_(fg.wait(120), 0, "SIGTERM ends it in order")
tap.ok(os.path.exists(v.path + "/state/sequencer/handover"), "with a hand-over")
tap.is_(re.search(r"^KillMode=(.*)$", unit, re.M).group(1), "mixed", "which the unit leaves to it")
fg.stderr.close()

# -- killed, and started again on its own remains
fg = subprocess.Popen(less + argv, stderr=subprocess.DEVNULL, env=dict(os.environ, NOTIFY_SOCKET=v.dir + "/notify"))
before = []
while not before or not before[-1].startswith(b"READY=1"):
    before.append(told.recv(4096))
tap.ok(any(re.match(rb"STATUS=looking at every file: 1024 of about \d+$", x) for x in before), "a start says how far it is")
fg.kill()
fg.wait()
fg = subprocess.Popen(less + argv, stderr=subprocess.DEVNULL, env=dict(os.environ, NOTIFY_SOCKET=v.dir + "/notify"))
while (word := told.recv(4096)).startswith(b"STATUS=looking"):
    pass
tap.ok(word.startswith(b"READY=1"), "killed, a restart takes the dead mount away and goes on")
fg.send_signal(signal.SIGTERM)
tap.is_(fg.wait(120), 0, "in order again")

# -- to a terminal
here, there = pty.openpty()
tap.is_(subprocess.run([NOTARYFS, "mount", v.path, v.mnt], stdout=there, stderr=there).returncode, 0, "it is mounted from a terminal")
os.close(there)
shown = b""
try:
    while part := os.read(here, 4096):
        shown += part
except OSError:
    pass  # nobody has it open any more
tap.ok(re.fullmatch(rb"(\r\x1b\[Klooking at every file of the vault: \d+ of about \d+)+\r\x1b\[K", shown),
       "which sees how far it is, and then nothing of it")
v.umount()
tap.done()
