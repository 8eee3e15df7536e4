#!/usr/bin/python3
"""A folder with sealed files of class version can be renamed; with anything in
it that is sealed for good or may only grow it cannot."""
import errno
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import vaultkit as kit

kit.need_fuse()
tap = kit.Tap()


def err(f, *a):
    try:
        f(*a)
        return None
    except OSError as e:
        return errno.errorcode[e.errno]


def attr(path, name):
    return os.getxattr(path, "user.notary." + name, follow_symlinks=False).decode()


def wait(path):
    kit.run(kit.NOTARYFS, "wait", "--timeout", "300s", path, check=True)


def write(path, data, mode="wb"):
    with open(path, mode) as f:
        f.write(data)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def done(p, words, code=0):
    if not tap.is_(p.returncode, code, words):
        tap.diag((p.stdout + p.stderr).decode())


v = kit.Vault(settle="500ms")
with open(v.path + "/notaryfs.conf", "a") as f:
    f.write("bind = /w mirror\nbind = /log log\n")
v.mount()
m, w, log = v.mnt, v.mnt + "/w", v.mnt + "/log"
hist, deleted = m + "/.notary/history/", m + "/.notary/deleted/"
os.makedirs(w + "/a/b/c")
os.mkdir(log)
for i in range(50):
    write(w + "/a/b/f%d" % i, b"%d" % i)
write(w + "/a/b/c/deep", b"deep")
os.symlink("deep", w + "/a/b/c/link")
write(w + "/a/other", b"not below")
wait(m)
ino = os.stat(w + "/a/b/c/deep").st_ino
write(w + "/a/b/f1", b"on its way")     # not sealed again yet

# -- it moves, with all that is in it
tap.is_(err(os.rename, w + "/a/b", w + "/z"), None, "a folder of class version is renamed")
tap.is_((sorted(os.listdir(w)), os.listdir(w + "/a")), (["a", "z"], ["other"]), "it is there and nowhere else")
tap.is_((read(w + "/z/c/deep"), os.stat(w + "/z/c/deep").st_ino, read(w + "/z/f1")), (b"deep", ino, b"on its way"),
        "with its files")
wait(w)
tap.is_((attr(w + "/z/c/deep", "state"), attr(w + "/z/f7", "state")), ("notarized", "notarized"), "all of it is sealed anew")
done(kit.run(kit.NOTARYFS, "verify", w + "/z/f7", w + "/z/c/deep", w + "/z/f1"), "and valid under the new names")
write(v.dir + "/deep", read(deleted + "w/a/b/c/deep"))
write(v.dir + "/deep.cert", read(deleted + "w/a/b/c/deep.cert"))
done(kit.run(kit.VERIFY, "--anchor", v.anchor, v.dir + "/deep"), "what was sealed under the old name is kept, with its certificate")
tap.is_(read(hist + "w/a/b/f1/1"), b"1", "also of what was on its way")
write(w + "/z/c/deep", b"deeper")
tap.is_(read(deleted + "w/a/b/c/deep"), b"deep", "and stays when the file changes")
wait(w)
os.makedirs(w + "/empty")
tap.is_(err(os.rename, w + "/z", w + "/empty"), None, "it takes the place of an empty folder")
tap.is_(err(os.rename, w + "/a", w + "/empty"), "ENOTEMPTY", "not of another")
wait(w)
tap.is_(len(os.listdir(hist + "w/a/other")), 2, "for which nothing is sealed anew")
os.rename(w + "/empty/c", m + "/c")
wait(m)
tap.is_((attr(m + "/c/deep", "class"), err(os.unlink, m + "/c/deep")), ("seal", "EPERM"), "where class seal holds it is sealed for good")

# -- not
tap.is_(err(os.rename, m + "/c", m + "/d"), "EPERM", "then its folder stays")
write(log + "/l", b"l")
wait(log)
tap.is_(err(os.rename, log, m + "/log2"), "EPERM", "as one with a log in it")
tap.is_(err(os.rename, w + "/empty", w + "/x.part"), "EPERM", "or whose files would be temporary")

# -- with one of several names of a file, first or not
kit.run("mount", "-i", "-o", "remount", m, check=True)  # memory lets go of what is sealed
os.link(w + "/empty/f9", w + "/f9")
os.link(w + "/empty/f8", w + "/empty/f8b")
wait(w)
tap.is_(err(os.rename, w + "/empty", w + "/e"), None, "one with names of a file that has others, too")
wait(w)
os.makedirs(w + "/in")
os.rename(w + "/f9", w + "/in/f9")
wait(w)
tap.is_(err(os.rename, w + "/in", w + "/in2"), None, "also if it is not the first of them")
wait(w)
names = [w + x for x in ("/e/f8", "/e/f8b", "/e/f9", "/in2/f9")]
tap.is_(([read(x) for x in names], [os.path.samefile(*names[:2]), os.path.samefile(*names[2:])]),
        ([b"8", b"8", b"9", b"9"], [True, True]), "it stays one file")
done(kit.run(kit.NOTARYFS, "verify", *names), "which is valid under all names")
tap.is_(read(deleted + "w/empty/f9") + read(deleted + "w/f9") + read(deleted + "w/in/f9"), b"999", "what was sealed under the old ones is kept")
os.unlink(w + "/in2/f9")
os.rmdir(w + "/in2")
os.unlink(w + "/e/f8")
os.rename(w + "/e/f8b", w + "/e/f8")
wait(w)

# -- who asked for a seal in it was told that it is done
big = b"asked" * 3000000  # it takes a moment
write(w + "/e/asked", big)
os.setxattr(w + "/e/asked", "user.notary.seal", b"1")
os.rename(w + "/e", w + "/e2")
tap.ok(os.path.exists(hist + "w/e/asked/1") and read(hist + "w/e/asked/1") == big, "what was asked to be sealed in it is, before it moves")
os.unlink(w + "/e2/asked")
os.rename(w + "/e2", w + "/e")
wait(w)

# -- killed between the first tombstone and the rename, and right before it
faulty = os.path.join(kit.BUILD, "tests/faulty/notaryfs")
for n, point in enumerate(("moving.left:7", "moving.leaving:1")):
    v.umount()
    kit.run(faulty, "mount", v.path, m, env=dict(os.environ, NOTARYFS_FAULT="%s:%s/mark%d" % (point, v.dir, n)), check=True)
    pid = v.daemon_pid()
    tap.ok(err(os.rename, w + "/e", w + "/g") is not None and kit.wait_for(lambda: not kit.alive(pid)), "it dies at " + point)
    kit.run("fusermount3", "-uz", m)
    v.mount()
    wait(w)
    tap.is_((os.path.exists(w + "/g"), [read(w + "/e/f%d" % i) for i in range(2, 50)]), (False, [b"%d" % i for i in range(2, 50)]),
            "all is where it was")
    done(kit.run(kit.NOTARYFS, "verify", *[w + "/e/f%d" % i for i in range(2, 50)]), "and sealed")

# -- without the daemon's memory of it, and killed
v.umount()
v.mount()
tap.is_(err(os.rename, w + "/e", w + "/g"), None, "a folder that was sealed before the mount")
os.kill(v.daemon_pid(), signal.SIGKILL)
kit.wait_for(lambda: not kit.alive(v.daemon_pid()))
kit.run("fusermount3", "-uz", m)
v.mount()
wait(w)
tap.is_([read(w + "/g/f%d" % i) for i in range(2, 50)], [b"%d" % i for i in range(2, 50)], "after kill -9 all is there")
done(kit.run(kit.NOTARYFS, "verify", w + "/g/f7", w + "/g/f9"), "and sealed")
for i in range(1024):
    write(w + "/g/m%d" % i, b"m")
wait(w)
tap.is_(err(os.rename, w + "/g", w + "/h"), "EXDEV", "of many files the caller has to make copies")
done(kit.run("mv", w + "/g", w + "/h", timeout=300), "as mv does")
tap.is_((os.path.exists(w + "/g"), read(w + "/h/f7")), (False, b"7"), "which moves them")
v.umount("--final")
done(kit.run(kit.NOTARYFS, "audit", v.path), "audit")
done(kit.run(kit.NOTARYFS, "scrub", v.path), "scrub")
out = v.dir + "/out"
done(kit.run(kit.NOTARYFS, "restore", "--anchor", v.anchor, out, *v.buckets()[:3]), "restore")
done(kit.run("diff", "-r", "--no-dereference", "-x", ".certs", v.path + "/files", out), "gives the same tree")
v.close()
tap.done()
