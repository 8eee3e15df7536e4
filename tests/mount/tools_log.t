#!/usr/bin/python3
"""Log files in a folder with preset log: appended to line by line, rotated by
renaming, never shortened."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import toolkit as tools

s = tools.Scene(settle="500ms", conf="rule = logs append *.log\nbind = /closed logs\n")
EPERM = "Operation not permitted"
s.folder("log", "log")
log = s.m + "/log/app.log"


def lines(name):
    with open(os.path.join(s.m, "log", name)) as f:
        return f.read().splitlines()


want = []
for turn in range(4):
    for i in range(20):
        want.append("turn %d line %d" % (turn, i))
        with open(log, "a") as f:  # as syslog, cron and shells do
            f.write(want[-1] + "\n")
    s.seal()
    s.tap.is_(lines("app.log"), want, "turn %d of lines, what was before it sealed" % turn)
fd = os.open(log, os.O_WRONLY | os.O_APPEND)
for i in range(3):
    want.append("held %d" % i)
    os.write(fd, (want[-1] + "\n").encode())
    os.fsync(fd)
s.ok("logger --version >/dev/null; echo 'from tee' | tee -a $M/log/app.log >/dev/null", "tee -a beside a writer that stays", "")
want.append("from tee")
os.close(fd)
s.tap.is_(lines("app.log"), want, "all lines are there")
s.seal()
for command in (": >$M/log/app.log", "truncate -s 1 $M/log/app.log", "rm -f $M/log/app.log", "sed -i 1d $M/log/app.log",
                "echo x 1<>$M/log/app.log"):
    s.refused(command, EPERM, "refused: " + command)
s.tap.is_(lines("app.log"), want, "and nothing is changed")

if s.needs("logrotate", "logrotate"):
    conf = s.v.dir + "/logrotate.conf"
    s.folder("closed")  # bound by the configuration, to a preset of one's own
    with open(conf, "w") as f:
        f.write("%s/log/*.log %s/closed/*.log {\n\trotate -1\n\tdateext\n\tdateformat -%%s\n\tcreate 640 root root\n"
                "\tnocompress\n\tmissingok\n}\n" % (s.m, s.m))
    ROTATE = "logrotate -f -s $TMP/state " + conf
    s.ok("cp $M/log/app.log $M/closed/", "a log in a folder of another preset", "")
    s.seal()
    s.ok(ROTATE, "logrotate", "")
    for d in ("log", "closed"):
        old = [n for n in os.listdir(s.m + "/" + d) if n != "app.log"]
        s.tap.is_([lines("../" + d + "/" + n) for n in old], [want], d + ": renames it")
        with open(s.m + "/" + d + "/app.log", "a") as f:
            f.write("after\n")
    s.seal()
    s.refused("echo more >>$M/closed/" + old[0], EPERM, "closed: a name that no rule lets grow is closed for good")
    s.next_second()
    s.ok(ROTATE, "logrotate again", "")
    for d in ("log", "closed"):
        s.tap.is_(sorted(lines("../" + d + "/" + n) for n in os.listdir(s.m + "/" + d) if n != "app.log"),
                  sorted([want, ["after"]]), d + ": leaves two old ones")
    with open(log, "a") as f:
        f.write("last\n")
    s.seal()
    for how in ("rotate 5\n\tcopytruncate\n\tnodateext", "rotate 1\n\tdateext\n\tdateformat -%s"):
        with open(conf, "w") as f:
            f.write("%s/log/app.log {\n\t%s\n}\n" % (s.m, how))
        s.next_second()
        s.refused(ROTATE, EPERM, "refused: " + " ".join(how.split()))
        s.tap.ok("last" in sum((lines(n) for n in os.listdir(s.m + "/log")), []), "and takes no line away")
s.restored()
s.done()
