#!/usr/bin/python3
"""Files with names of several classes, and on their way from one to another:
what was sealed stays, and goes on as what it was.  Random ones: tests/long/twin."""
import errno
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import vaultkit as kit

kit.need_fuse()
tap = kit.Tap()


def put(path, data):
    with open(path, "wb") as f:
        f.write(data)
    return path


def add(path, data):
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    os.write(fd, data)
    os.close(fd)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def seal():
    """False if something cannot be sealed."""
    return all(kit.run("timeout", "30", kit.NOTARYFS, *x, m).returncode == 0 for x in (("seal", "-r"), ("wait",)))


def history(path):
    d = m + "/.notary/history/" + os.path.relpath(path, m)
    return [read("%s/%d" % (d, i + 1)) for i in range(len(os.listdir(d)) // 2)]


def err(f, *a):
    try:
        f(*a)
    except OSError as e:
        return errno.errorcode[e.errno]
    return None


v = kit.Vault(settle="1h")
with open(v.path + "/notaryfs.conf") as f:
    plain = f.read()
with open(v.path + "/notaryfs.conf", "w") as f:
    f.write(plain + "bind = /version mirror\nbind = /log log\n")
v.mount()
m = v.mnt
s, w, l = [m + x for x in ("/seal", "/version", "/log")]
for x in (s, w, l):
    os.mkdir(x)

# -- a version that becomes a log
put(w + "/a", b"as it was")
tap.ok(seal(), "a file of class version is sealed")
os.rename(w + "/a", l + "/a")
tap.ok(seal(), "moved, it is sealed as a log")
v.umount()
v.mount()
add(l + "/a", b", and more")
tap.ok(seal(), "and grows, in another mount")
tap.is_((history(w + "/a"), history(l + "/a")), ([b"as it was"], [b"as it was", b"as it was, and more"]),
        "what was sealed under the old name stays as it was")

put(w + "/b", b"long enough to be cut")
os.link(w + "/b", w + "/c")
tap.ok(seal(), "two names of class version are sealed")
put(w + "/b", b"short")
os.rename(w + "/c", l + "/c")
tap.ok(seal(), "shorter, and a log by its second name, it is sealed again")
tap.is_((history(w + "/b"), history(l + "/c")), ([b"long enough to be cut", b"short"], [b"short"]), "with both contents")

# -- one that becomes a file of class seal
put(w + "/d", b"version")
tap.ok(seal(), "a file of class version")
put(s + "/e", b"for ever")
os.link(s + "/e", w + "/e")
os.rename(w + "/e", w + "/d")
tap.ok(seal(), "is replaced by a name of a file of class seal")
tap.is_((history(w + "/d"), err(os.unlink, w + "/d")), ([b"version", b"for ever"], "EPERM"), "both are in its history, and it stays")

put(w + "/n", b"version")
tap.ok(seal(), "another")
os.unlink(w + "/n")
put(w + "/n", b"for ever")
os.link(w + "/n", s + "/n")
tap.ok(seal(), "is gone, and a file of class seal has its name")
tap.is_(history(w + "/n"), [b"version", b"for ever"], "both are in its history")
tap.ok(b"\x07\x58\x20" in os.getxattr(w + "/n", "user.notary.record"), "and its record names the one before")

# -- a log with a name that is not sealed
put(s + "/f.tmp", b"1")
os.link(s + "/f.tmp", l + "/f")
tap.ok(seal(), "a log has a temporary name, too")
tap.is_([err(os.rename, s + "/f.tmp", x) for x in (s + "/f", l + "/g", s + "/g.tmp")], ["EPERM"] * 3, "which may only go")
os.link(l + "/f", l + "/h")
add(l + "/h", b"2")
tap.ok(seal(), "it grows with all its names")
tap.is_([history(l + "/" + x) for x in "fh"], [[b"1", b"12"]] * 2, "under each")
put(s + "/i.tmp", b"1")
os.link(s + "/i.tmp", l + "/i")
tap.ok(seal(), "another")
os.link(l + "/i", l + "/j")
add(l + "/j", b"2")
tap.ok(seal(), "grows")
tap.is_([history(l + "/" + x) for x in "ij"], [[b"1", b"12"]] * 2, "under the name that was sealed first, though an older one was not")

# -- a version with a name that is not sealed
put(s + "/k.tmp", b"1")
os.link(s + "/k.tmp", w + "/k")
tap.ok(seal(), "a file of class version has a temporary name, too")
tap.is_([err(os.rename, s + "/k.tmp", x) for x in (s + "/k", l + "/k", s + "/m.tmp", w + "/m")], ["EPERM"] * 4, "which may only go, too")
tap.is_([err(os.unlink, x) for x in (s + "/k.tmp", s + "/f.tmp", s + "/i.tmp")], [None] * 3, "and does")

# -- another class by the configuration
v.umount("--final")
with open(v.path + "/notaryfs.conf", "w") as f:
    f.write(plain)
v.mount()
add(l + "/j", b"3")
add(l + "/a", b"!")
tap.ok(seal(), "what was a log under another configuration grows")
tap.is_((history(l + "/i"), history(l + "/a")), ([b"1", b"12", b"123"], [b"as it was", b"as it was, and more", b"as it was, and more!"]),
        "and is one still")

v.umount("--final")
p = kit.run(kit.NOTARYFS, "scrub", v.path)
tap.ok(p.returncode == 0, "nothing is wrong with any of it")
tap.diag((p.stdout + p.stderr).decode()) if p.returncode else None
out = os.path.join(v.dir, "out")
kit.run(kit.NOTARYFS, "restore", "--anchor", v.anchor, "--history", out + "-past", out, *[v.buckets()[b] for b in (0, 2, 4)], check=True)
tap.is_(kit.listing(out, skip=(out + "/.certs",)), {k: x for k, x in kit.listing(v.path + "/files").items() if ".tmp" not in k},
        "three buckets restore it")
tap.is_([read(out + "-past/history/" + x) for x in ("version/a/1", "version/b/1", "version/d/1")],
        [b"as it was", b"long enough to be cut", b"version"], "with what was before")
tap.done()
