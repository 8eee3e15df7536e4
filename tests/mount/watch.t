#!/usr/bin/python3
"""watch: notaryfs status --watch on a terminal, and elsewhere."""
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import *  # noqa: E402,F403

need_fuse()
tap = Tap()
v = Vault(settle="500ms")
v.mount()
ROWS, COLUMNS = 12, 60
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
# A test that runs in a shell's background is born with SIGINT ignored.
w = subprocess.Popen([NOTARYFS, "status", v.mnt, "--watch"], stdout=slave, stderr=slave,
                     preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
shown = b""


def screen(want, timeout=120):
    """The newest whole screen, once it has these words; as lines."""
    global shown
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if select.select([master], [], [], 0.1)[0]:
            shown += os.read(master, 65536)
        whole = shown.decode("utf-8", "replace").split("\x1b[H")
        for s in reversed(whole[1:]):
            if "\x1b[J" in s:
                lines = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", s).replace("\r", "").split("\n")
                if all(x in "\n".join(lines) for x in want):
                    shown = b""
                    return lines
                break
    return None


s = screen(["OK", "all 0 files are final"])
tap.ok(s and s[0].split()[0] == "OK", "a terminal: OK comes first")
tap.ok(s and any(x.startswith("trust      local software") for x in s), "below it the status")
tap.ok(s and len(s) <= ROWS and max(map(len, s)) <= COLUMNS, "cut to the terminal's size")
os.rename(v.path + "/buckets/1", v.path + "/buckets/1.away")
s = screen(["LOOK"])
text = " ".join(s or [])
tap.ok(s and s[0].split()[0] == "LOOK" and "buckets/1 failed" in text.replace(" ", "").replace("failed", " failed"),
       "a bucket is away: LOOK, and which")
tap.ok("Mount its disk again" in text, "and what to do")
os.rename(v.path + "/buckets/1.away", v.path + "/buckets/1")
tap.ok(screen(["OK"]), "it is back: OK again")
w.send_signal(signal.SIGINT)
tap.is_(w.wait(10), -signal.SIGINT, "until interrupted")
os.close(master)
os.close(slave)

# -- not a terminal
w = subprocess.Popen([NOTARYFS, "status", v.path, "--watch"], stdout=subprocess.PIPE, text=True)
tap.ok(re.fullmatch(r"\S+Z ok all 0 files are final\n", w.stdout.readline()), "elsewhere: a line")
os.rename(v.path + "/buckets/1", v.path + "/buckets/1.away")
line = w.stdout.readline()
tap.ok(re.fullmatch(r"\S+Z look bucket .*buckets/1 failed: No such file.*; writing goes on.*\n", line), "a line when it changes: " + line[:60])
os.rename(v.path + "/buckets/1.away", v.path + "/buckets/1")
tap.ok(" ok all 0 files" in w.stdout.readline(), "and again")
v.umount()
tap.ok(" ok not mounted; 0 files are final, 0 wait" in w.stdout.readline(), "a vault is watched over its unmount")
w.terminate()
w.wait()
w.stdout.close()
w = subprocess.Popen([NOTARYFS, "status", v.path, "--watch", "--json"], stdout=subprocess.PIPE, text=True)
two = [json.loads(w.stdout.readline()) for _ in range(2)]
tap.is_([x["summary"] for x in two], ["ok", "ok"], "--json: one object a line")
w.terminate()
w.wait()
w.stdout.close()
tap.done()
