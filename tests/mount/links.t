#!/usr/bin/python3
"""Files of class version with several names: each may go, and until the others
are sealed anew nothing is lost: not for scrub and audit, nor in the buckets."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import toolkit
import vaultkit as kit

kit.need_fuse()
tap = kit.Tap()
v = kit.Vault(settle="1h")     # nothing is sealed unless it is asked for
with open(v.path + "/notaryfs.conf", "a") as f:
    f.write("preset = mirror\n")
v.mount()
m = v.mnt
WAYS = ("removed", "renamed", "replaced", "rewritten", "moved")


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def sealed():
    kit.run(kit.NOTARYFS, "seal", "-r", m, check=True)
    kit.run(kit.NOTARYFS, "wait", m, "--timeout", "300s", check=True)


def done(p, words, code=0):
    if not tap.is_(p.returncode, code, words):
        tap.diag((p.stdout + p.stderr).decode())


def restored(name, *more):
    out = v.dir + "/" + name
    done(kit.run(kit.NOTARYFS, "restore", "--anchor", v.anchor, *more, out, *v.buckets()[2:5]), "three buckets restore it")
    return out


def clean(what):
    for command in ("scrub", "audit"):
        done(kit.run(kit.NOTARYFS, command, v.path), "%s finds nothing wrong %s" % (command, what))


# A small file, a large one (its extents lie in objects of their own), a symlink.
large = os.urandom(17 << 20)
for way in WAYS:
    d = m + "/" + way
    os.makedirs(d + "/in")
    write(d + "/in/small", b"small " + way.encode())
    write(d + "/in/large", large)
    os.symlink("to " + way, d + "/in/soft")
    for name in ("small", "large", "soft"):
        for n in "12":
            os.link("%s/in/%s" % (d, name), d + "/" + name + n, follow_symlinks=False)
sealed()
was = toolkit.contents(m)
for name in ("small", "large", "soft"):
    d = m + "/%s/in/" + name
    os.unlink(d % "removed")
    os.rename(d % "renamed", d % "renamed" + "2")
    write(m + "/new", b"new")
    os.rename(m + "/new", d % "replaced")
    os.utime(d % "rewritten", ns=(1, 1), follow_symlinks=False)
    os.unlink(d % "rewritten")
os.rename(m + "/moved/in", m + "/moved/inside")
tap.ok(kit.wait_for(lambda: v.status()["backlog"]["files"] == 0), "what became of them is in the buckets, and no more")
clean("while it is mounted")
os.kill(v.daemon_pid(), signal.SIGKILL)
kit.wait_for(lambda: not kit.alive(v.daemon_pid()))
kit.run("fusermount3", "-uz", m)
clean("after a crash")
done(kit.run(kit.NOTARYFS, "repair", v.path), "repair has nothing to do")

# What was final under the other names comes back, as one file.
out = restored("out", "--history", v.dir + "/past")
got = toolkit.contents(out, (out + "/.certs",))


def essence(listing):
    """By path: mode, time, owner, attributes, bytes; whose names it has, less those that went."""
    return {p: tuple(tuple(n for n in y if "/in" not in n) if isinstance(y, tuple) and y and isinstance(y[0], str) else y
                     for y in x) for p, x in listing.items() if p[-1] in "12"}


want, have = essence(was), essence(got)
if not tap.ok(len(want) == 6 * len(WAYS) and have == want, "each other name has its file, with all that was recorded"):
    tap.diag(toolkit.differences(want, have))
tap.is_([os.path.exists(out + "/%s/in/small" % way) for way in WAYS], [False, False, True, False, False], "what went has gone")
done(kit.run(kit.VERIFY, "--anchor", v.anchor, "-r", out), "the certificates hold")
done(kit.run(kit.VERIFY, "--anchor", v.anchor, "-r", v.dir + "/past/deleted"), "and those of what is gone")

# Sealed anew, all of it is as it is in the mount.
v.mount()
tap.is_([os.path.samefile(m + "/%s/small1" % way, m + "/%s/small2" % way) for way in WAYS], [True] * len(WAYS), "the mount has them")
sealed()
done(kit.run(kit.NOTARYFS, "verify", m), "sealed anew, all are valid")
want = toolkit.contents(m)
v.umount()
clean("then")
out = restored("again")
got = toolkit.contents(out, (out + "/.certs",))
tap.ok(want and got == want, "all of it, as it is now") or tap.diag(toolkit.differences(want, got))

# Tools that take the first name away.
v.mount()
src = v.dir + "/src"
os.makedirs(src + "/d")
write(src + "/d/f", b"one\n")
os.link(src + "/d/f", src + "/d/g")
for command, words in (("rsync -aH %s/ %s/r/" % (src, m), "rsync -H"), ("cp -al %s/r %s/snap" % (m, m), "cp -al")):
    done(kit.run("sh", "-c", command), words)
    sealed()
write(src + "/d/f", b"two!\n")
os.utime(src + "/d/f", (5, 5))
os.utime(src + "/d", (5, 5))
for command, words in (
        ("rsync -aH --backup %s/ %s/r/" % (src, m), "rsync --backup over a name that is linked"),
        ("mv %s/snap %s/snap.1 && cp -al %s/r %s/snap && rsync -aH --delete %s/ %s/snap/" % (m, m, m, m, src, m),
         "a rotation of snapshots, as rsnapshot makes it"),
        ("rm -r %s/snap.1 %s/r" % (m, m), "the oldest goes")):
    done(kit.run("sh", "-c", command), words)
    sealed()
tap.is_(toolkit.contents(m + "/snap"), toolkit.contents(src), "what is left is what was copied")
v.umount()
clean("in the end")
v.close()
tap.done()
