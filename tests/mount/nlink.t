#!/usr/bin/python3
"""st_nlink counts the names that people see: what is kept of a former name or
content below versions/ is a link as well, and is not shown."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import vaultkit as kit

kit.need_fuse()
tap = kit.Tap()
v = kit.Vault(settle="1h")
with open(v.path + "/notaryfs.conf", "a") as f:
    f.write("preset = mirror\nbind = /logs log\n")
v.mount()
m, raw = v.mnt, v.path + "/files"


def write(name, data, how="wb"):
    with open(m + "/" + name, how) as f:
        f.write(data)


def seal():
    kit.run(kit.NOTARYFS, "seal", "-r", m, check=True)
    kit.run(kit.NOTARYFS, "wait", m, "--timeout", "300s", check=True)


def links(name):
    """As people see it, and on the disk."""
    return tuple(os.lstat(top + "/" + name).st_nlink for top in (m, raw))


write("a", b"content\n")
os.symlink("a", m + "/s")
os.mkdir(m + "/logs")
write("logs/l", b"line\n")
seal()
tap.is_([links("a"), links("s"), links("logs/l")], [(1, 1)] * 3, "sealed once: one link")
os.rename(m + "/a", m + "/b")
os.rename(m + "/s", m + "/t")
os.rename(m + "/logs/l", m + "/logs/l.1")
tap.is_([links("b"), links("t"), links("logs/l.1")], [(1, 2)] * 3, "renamed: what is kept is not shown")
seal()
tap.is_([links("b"), links("t"), links("logs/l.1")], [(1, 2)] * 3, "nor when the new name is sealed")

os.link(m + "/b", m + "/c")
tap.is_([links("b"), links("c")], [(2, 3)] * 2, "a second name is")
seal()
fd = os.open(m + "/c", os.O_RDONLY)
tap.is_(os.fstat(fd).st_nlink, 2, "as the descriptor has it")
os.unlink(m + "/b")
tap.is_((os.fstat(fd).st_nlink, links("c")[0]), (1, 1), "one of them goes")
os.close(fd)
seal()
p = kit.run("find", m, "-type", "f", "-links", "+1")
tap.is_(p.stdout, b"", "find sees no hard links")
v.umount()
v.mount()
tap.is_([links(x)[0] for x in ("c", "t", "logs/l.1")], [1, 1, 1], "after a mount, too")
tap.ok(links("c")[1] > 1, "while the disk has more")
fd = os.open(m + "/c", os.O_RDONLY)
os.unlink(m + "/c")
tap.is_(os.fstat(fd).st_nlink, 0, "removed, and open: no link")
os.close(fd)

write("d", b"first\n")
seal()
os.rename(m + "/d", m + "/e")
write("e", b"second\n", "ab")
tap.is_(links("e"), (1, 1), "written to after that: the versions have a file of their own")
seal()
tap.is_(links("e"), (1, 1), "and keep it")

write("x", b"there and back\n")
seal()
os.rename(m + "/x", m + "/y")
os.rename(m + "/y", m + "/x")
seal()
tap.is_(links("x")[0], 1, "renamed and renamed back")
os.link(m + "/x", m + "/z")
tap.is_(links("x")[0], 2, "it has as many as it has names")

write("same", b"as it was\n")
seal()
os.close(os.open(m + "/same", os.O_RDWR))
tap.is_(links("same"), (1, 2), "opened for writing")
seal()
tap.is_(links("same"), (1, 1), "and not written: nothing is kept")
os.link(m + "/same", m + "/same2")
tap.is_(links("same"), (2, 2), "a second name is one again")

if shutil.which("logrotate"):
    conf = v.dir + "/rotate"
    with open(conf, "w") as f:
        f.write("%s/app.log {\n\trotate 3\n\tdelaycompress\n\tcompress\n\tcreate\n}\n" % m)
    for i in range(3):
        write("app.log", b"round %d\n" % i, "ab")
        seal()
        p = kit.run("logrotate", "-f", "-s", v.dir + "/state", conf)
        if not tap.is_(p.returncode, 0, "logrotate compresses what was sealed and renamed"):
            tap.diag(p.stderr.decode())
    tap.is_(sorted(n for n in os.listdir(m) if n.startswith("app")), ["app.log", "app.log.1", "app.log.2.gz", "app.log.3.gz"], "and has its files")
else:
    tap.ok(True, "logrotate # SKIP it is not here")
seal()
p = kit.run(kit.NOTARYFS, "audit", v.path)
tap.is_(p.returncode, 0, "audit is clean") or tap.diag((p.stdout + p.stderr).decode())
v.close()
tap.done()
