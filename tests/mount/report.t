#!/usr/bin/python3
"""report: what a daemon tells: journal, service manager, metrics."""
import os
import re
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import *  # noqa: E402,F403

need_fuse()
tap = Tap()
v = Vault(settle="500ms")
conf = os.path.join(v.path, "notaryfs.conf")
LINE = re.compile(r'time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=(info|warn|error) event=([a-z-]+)'
                  r'((?: [a-z_]+=(?:[A-Za-z0-9_./:@%+-]+|"(?:[^"\\]|\\["\\])*"))+)')


def check_metrics(text):
    """The text format, strictly: every complaint.  HELP and TYPE once and
    first, samples of one name together, none twice, numbers, the units."""
    bad, kind, seen, last = [], {}, set(), None
    if not text.endswith("\n"):
        bad.append("no newline at the end")
    for line in text.split("\n")[:-1]:
        m = re.fullmatch(r"# (HELP|TYPE) ([a-z_]+) (.+)", line)
        if m:
            what, name, rest = m.groups()
            if what == "HELP":
                if name in kind:
                    bad.append("HELP twice: " + line)
                kind[name] = None
            elif kind.get(name, "") is not None or rest not in ("gauge", "counter"):
                bad.append("TYPE: " + line)
            else:
                kind[name] = rest
                if name.endswith("_total") != (rest == "counter"):
                    bad.append("a counter is called _total, and nothing else: " + line)
            last = name
            continue
        m = re.fullmatch(r'([a-z_]+)\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+)\} (\d+(?:\.\d+)?)', line)
        if not m or m.group(1) != last or not kind.get(last) or 'vault="' not in m.group(2):
            bad.append("sample: " + line)
            continue
        if m.group(1, 2) in seen:
            bad.append("twice: " + line)
        seen.add(m.group(1, 2))
        if not m.group(1).startswith("notaryfs_"):
            bad.append("prefix: " + line)
    return bad


def metric(text, name, **labels):
    for line in text.splitlines():
        if line.startswith("notaryfs_%s{" % name) and all('%s="%s"' % x in line for x in labels.items()):
            return float(line.rsplit(" ", 1)[1])
    return None


# -- the service manager is told, over its socket; the mount runs in front
told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
told.bind(v.dir + "/notify")
told.settimeout(60)
fg = subprocess.Popen([NOTARYFS, "mount", v.path, v.mnt, "-f"], stderr=subprocess.PIPE,
                      env=dict(os.environ, NOTIFY_SOCKET=v.dir + "/notify"))
tap.is_(told.recv(4096), b"READY=1\nSTATUS=mounted", "the service manager is told when the mount answers")
tap.ok(v.mounted(), "and it does")
with open(os.path.join(v.mnt, "file"), "w") as f:
    f.write("text\n")
run(NOTARYFS, "seal", v.mnt + "/file", check=True)
run(NOTARYFS, "wait", v.mnt + "/file", "--timeout", "300s", check=True)

# -- metrics
p = run(NOTARYFS, "status", v.mnt, "--metrics")
text = p.stdout.decode()
tap.is_(check_metrics(text), [], "status --metrics: the format is kept")
tap.is_((metric(text, "files", state="notarized"), metric(text, "mounted", vault=v.path),
         metric(text, "bucket_ok", bucket=v.path + "/buckets/3"), metric(text, "service_ok", service="sealing")),
        (1.0, 1.0, 1.0, 1.0), "and the numbers are right")
tap.ok(abs(metric(text, "service_last_success_timestamp_seconds", service="timestamp") - time.time()) < 3600,
       "times are in seconds")
if shutil.which("promtool"):
    q = subprocess.run(["promtool", "check", "metrics"], input=p.stdout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    tap.is_(q.stdout, b"", "promtool has nothing to say")
out = os.path.join(v.dir, "out")
os.mkdir(out)
with open(conf, "a") as f:
    f.write("metrics_file = %s/notaryfs.prom\n" % out)
os.kill(fg.pid, signal.SIGHUP)
tap.ok(wait_for(lambda: os.path.exists(out + "/notaryfs.prom")), "metrics_file: written at once after SIGHUP")
with open(out + "/notaryfs.prom") as f:
    text = f.read()
tap.ok(check_metrics(text) == [] and metric(text, "mounted") == 1, "the same numbers")
tap.is_(os.listdir(out), ["notaryfs.prom"], "and nothing beside it")
with open(conf) as f:
    good = f.read()
with open(conf, "w") as f:
    f.write(good.replace(out, v.mnt))
os.kill(fg.pid, signal.SIGHUP)
tap.ok(wait_for(lambda: "event=metrics-failed file=%s/notaryfs.prom" % v.mnt in v.log()) and
       not os.path.exists(v.mnt + "/notaryfs.prom"), "a file inside the mount itself is refused")

# -- a new journal after a rotation
os.rename(v.path + "/state/notaryfs.log", v.path + "/state/notaryfs.log.1")
with open(conf, "w") as f:
    f.write(good)
os.kill(fg.pid, signal.SIGHUP)
tap.ok(wait_for(lambda: "event=config-read" in v.log()), "SIGHUP begins the journal anew when it was moved away")
os.rename(v.path + "/buckets/2", v.path + "/buckets/2.away")
tap.ok(wait_for(lambda: "level=warn event=bucket-failed bucket=%s/buckets/2 " % v.path in v.log()),
       "a bucket goes away")
os.rename(v.path + "/buckets/2.away", v.path + "/buckets/2")
tap.ok(wait_for(lambda: "level=info event=bucket-works bucket=%s/buckets/2 " % v.path in v.log()), "and comes back")
os.kill(fg.pid, signal.SIGUSR1)
tap.ok(wait_for(lambda: "event=status" in v.log()), "SIGUSR1 logs the status")

# -- the end
fg.send_signal(signal.SIGTERM)
tap.is_(told.recv(4096), b"STOPPING=1\nSTATUS=putting everything away", "the service manager is told of the end")
tap.is_(fg.wait(60), 0, "which is orderly")
err = fg.stderr.read().decode()
with open(out + "/notaryfs.prom") as f:
    text = f.read()
tap.ok(check_metrics(text) == [] and metric(text, "mounted") == 0, "the metrics say that nothing is mounted")
told.close()

# -- every line is what it should be
with open(v.path + "/state/notaryfs.log.1") as f:
    lines = f.read().splitlines() + v.log().splitlines()
tap.is_([x for x in lines if not LINE.fullmatch(x)], [], "every line: time, level, event, key=value")
seen = {LINE.fullmatch(x).group(2) for x in lines if LINE.fullmatch(x)}
tap.ok({"mounted", "signal", "unmounted", "sequencer", "status", "config-read", "bucket-failed"} <= seen,
       "events: " + " ".join(sorted(seen)))
with open(os.path.join(TOP, "fs/notaryfs.1")) as f:
    manual = f.read()
tap.is_([e for e in sorted(seen) if ".It Li %s\n" % e not in manual], [], "the manual page has them")
tap.is_([x.split(" ", 1)[1] for x in lines], err.splitlines(), "stderr has the same lines, without the time")

# -- to the system's journal: with the level before each line
r, w = os.pipe()
st = os.fstat(w)
fg = subprocess.Popen([NOTARYFS, "mount", v.path, v.mnt, "-f"], stderr=w,
                      env=dict(os.environ, JOURNAL_STREAM="%d:%d" % (st.st_dev, st.st_ino)))
os.close(w)
wait_for(v.mounted)
wait_for(lambda: os.path.exists(v.mnt + "/.notary/status"))
fg.send_signal(signal.SIGTERM)
tap.is_(fg.wait(60), 0, "mounted once more")
with os.fdopen(r) as f:
    tap.ok(re.fullmatch(r"(<6>level=info event=.+\n)+", f.read()), "lines carry the level that the system's journal knows")
tap.done()
