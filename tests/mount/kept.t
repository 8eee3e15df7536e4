#!/usr/bin/python3
"""What was sealed and is not at its name any more: restore writes it out of
the buckets alone, with the numbers and certificates that the mount shows; and
scrub finds what is not right or not there in VAULT/versions, repair makes it
again."""
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import vaultkit as kit

kit.need_fuse()
tap = kit.Tap()


def wait(path):
    kit.run(kit.NOTARYFS, "wait", "--timeout", "300s", path, check=True)


def write(path, data, mode="wb"):
    with open(path, mode) as f:
        f.write(data)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def content(path):
    """Of a symlink where it points, as in the mount's history."""
    return os.readlink(path).encode() if os.path.islink(path) else read(path)


def done(p, words, code=0):
    if not tap.is_(p.returncode, code, words):
        tap.diag((p.stdout + p.stderr).decode())


v = kit.Vault(settle="500ms")
with open(v.path + "/notaryfs.conf", "a") as f:
    f.write("bind = /w mirror\nbind = /log log\n")
v.mount()
w, log = v.mnt + "/w", v.mnt + "/log"
os.makedirs(w + "/d/e")
os.mkdir(log)
big = os.urandom(20 << 20)

# -- a history of every kind
write(w + "/f", b"one")
write(w + "/big", big)
write(w + "/d/e/g", b"gone")
write(w + "/a", b"a")
os.chmod(w + "/a", 0o640)
os.symlink("f", w + "/s")
write(w + "/turn", b"a file first")
os.mkdir(w + "/back")
write(w + "/back/x", b"a folder first")
os.symlink("f", w + "/soft")
write(log + "/l", b"1\n")
write(log + "/old", b"1\n")
write(v.mnt + "/seal", b"seal")
wait(v.mnt)
os.link(w + "/a", w + "/b")
os.link(w + "/a", w + "/c")
os.link(w + "/soft", w + "/soft2", follow_symlinks=False)
write(w + "/f", b"two")
write(w + "/big", b"small")
for i in range(2, 5):
    write(log + "/l", b"%d\n" % i, "ab")
    write(log + "/old", b"%d\n" % i, "ab")
    wait(v.mnt)
os.unlink(w + "/b")             # its file is there still
write(w + "/c", b"A")           # two names with another content
os.unlink(w + "/d/e/g")
os.unlink(w + "/soft2")
os.unlink(w + "/s")
os.symlink("big", w + "/s")
os.unlink(w + "/turn")
os.mkdir(w + "/turn")
write(w + "/turn/x", b"a folder then")
shutil.rmtree(w + "/back")
write(w + "/back", b"a file then")
os.rename(log + "/old", log + "/old.1")
os.rename(w + "/f", w + "/moved")
write(w + "/f", b"three")
wait(v.mnt)
write(w + "/f", b"four")
wait(v.mnt)
os.unlink(w + "/moved")
os.unlink(w + "/back")

# -- what the mount shows of it
hist, deleted = v.mnt + "/.notary/history/", v.mnt + "/.notary/deleted/"
paths = ["seal"] + [x + n for x, names in (("w/", "f big d/e/g a b c s soft soft2 turn turn/x back back/x moved"), ("log/", "l old old.1"))
                    for n in names.split()]
shown = {p: {n: (read(hist + p + "/" + n), read(hist + p + "/" + n + ".cert"))
             for n in os.listdir(hist + p) if n.isdigit()} for p in paths}
gone = {}
for d, folders, names in os.walk(deleted):
    for n in names:
        p = os.path.relpath(os.path.join(d, n), deleted)
        gone[p], gone[p + ".cert"] = read(deleted + p), read(deleted + p + ".cert")
there = [p for p in paths if os.path.lexists(v.mnt + "/" + p) and not os.path.isdir(v.mnt + "/" + p)]
tap.is_(len(shown["log/l"]), 4, "each growth of a log is in its history")
tap.is_({p for p in gone if not p.endswith(".cert")}, {"w/d/e/g", "w/b", "w/back", "w/soft2", "w/moved", "log/old"}, "what is gone is listed")
tap.is_(os.listdir(deleted + "w").count("back"), 1, "a file that took a folder's name once, and what was in the folder not")
v.umount("--final")

# -- restored out of three buckets
out, past = v.dir + "/out", v.dir + "/past"
restore = (kit.NOTARYFS, "restore", "--anchor", v.anchor)
done(kit.run(*restore, "--history", past, out, *v.buckets()[2:5]), "restore --history")
now = {}
for d, folders, names in os.walk(past + "/history"):
    for n in names:
        p = os.path.join(d, n)
        now.setdefault(os.path.relpath(d, past + "/history"), {})[n] = content(p)
want = {}
for p, versions in shown.items():
    last = str(len(versions))
    here = {last} if p in there else set()
    grown = {n for n in versions if p.startswith("log/") and n != last}
    for n, (data, cert) in versions.items():
        if n not in here | grown:
            want.setdefault(p, {})[n] = data
        if n not in here:
            want.setdefault(p, {})[n + ".cert"] = cert
tap.is_(sorted((p, n) for p in now for n in now[p]), sorted((p, n) for p in want for n in want[p]),
        "there is what the mount showed, under the same numbers, but for what is there now")
tap.ok(now == want, "every byte and every certificate is the same")
names = {}
for d, folders, files in os.walk(past + "/deleted"):
    for n in files:
        p = os.path.join(d, n)
        names[os.path.relpath(p, past + "/deleted").replace(".certs/", "", 1)] = content(p)
tap.ok(names == gone, "and so is what is gone")
tap.diag("only here %r, only there %r" % (set(names) - set(gone), set(gone) - set(names)))
tap.is_(os.stat(past + "/history/w/a/1").st_mode & 0o7777, 0o640, "with the mode of then")
tap.is_(os.stat(past + "/deleted/w/moved").st_ino, os.stat(past + "/history/w/moved/1").st_ino, "its last one is there once")
done(kit.run(kit.VERIFY, "--anchor", v.anchor, past + "/history/w/big/1"), "a kept version is valid by its certificate")
done(kit.run(kit.VERIFY, "--anchor", v.anchor, "-r", past + "/deleted"), "and so is all that is gone")
done(kit.run(kit.VERIFY, "--anchor", v.anchor, "-r", out), "and what is there")
done(kit.run(*restore, v.dir + "/plain", *v.buckets()[:3]), "without --history")
done(kit.run("diff", "-r", "--no-dereference", v.dir + "/plain", out), "the tree is the same")
done(kit.run(*restore, "--history", v.dir + "/two/h", v.dir + "/two", *v.buckets()[:3]), "a second folder in the first", 1)
os.mkdir(v.dir + "/three")
done(kit.run(*restore, "--history", v.dir + "/three", v.dir + "/three", *v.buckets()[:3]), "or the first itself is refused", 1)
tap.is_(os.listdir(v.dir + "/three"), [], "and nothing made")

# -- the vault's own copies
versions, files = v.path + "/versions", v.path + "/files"


def copies():
    """Contents in versions/, and where each is."""
    out = {}
    for d, folders, names in os.walk(versions):
        for n in names:
            out.setdefault(content(os.path.join(d, n)), []).append(os.path.join(d, n))
    return out


def free():
    subprocess.run(["chattr", "-R", "-f", "-i", versions, files], stderr=subprocess.DEVNULL)


def scrub(words, want):
    p = kit.run(kit.NOTARYFS, "scrub", v.path, "--json")
    j = json.loads(p.stdout)
    if not tap.is_((p.returncode, sorted((x["path"], x["state"], x["kept"]) for x in j["plain"])),
                   (1 if want else 0, want), words):
        tap.diag(p.stderr.decode())


def damage(data, change):
    free()
    for path in copies()[data]:
        change(path)


def flip(path):
    os.chmod(path, 0o644)
    with open(path, "r+b") as f:
        f.seek(1000)
        f.write(b"not what was there")


was = copies()
scrub("scrub finds nothing wrong with what is kept", [])
damage(big, flip)
damage(b"one", os.unlink)
damage(b"1\n2\n3\n4\n", lambda p: os.truncate(p, 3))
damage(b"gone", lambda p: write(p, b"GONE"))
# a log that was renamed is one file under both names
found = [("log/old", "damaged", True), ("log/old.1", "damaged", False), ("w/big", "damaged", True),
         ("w/d/e/g", "damaged", True), ("w/f", "missing", True)]
scrub("it finds what is damaged or missing", found)
p = kit.run(kit.NOTARYFS, "scrub", v.path)
tap.ok(b"once w/d/e/g, is not what was recorded" in p.stderr, "and says what it was")
done(kit.run(kit.NOTARYFS, "repair", v.path), "repair makes it again")
scrub("all is there", [])
tap.ok(copies() == was, "under the same names")
tap.ok(any(read(os.path.join(d, n)) == b"GONE" for d, _, names in os.walk(v.path + "/damaged/versions") for n in names),
       "what was damaged is kept")
free()
shutil.rmtree(versions)
p = kit.run(kit.NOTARYFS, "scrub", v.path)
tap.is_(p.returncode, 1, "scrub without versions/")
done(kit.run(kit.NOTARYFS, "repair", v.path), "all of them are made again")
scrub("all is there", [])
v.mount()
tap.ok(all(read(hist + p + "/" + n) == data for p in shown for n, (data, cert) in shown[p].items()), "the mount shows all again")
tap.is_(kit.run(kit.NOTARYFS, "wait", v.mnt).returncode, 0, "and goes on")
v.umount("--final")

# -- a file that is being rewritten: only what it had is made again
v.mount("-o", "settle=1h")
write(w + "/f", b"on its way")
v.umount()
damage(b"four", lambda p: write(p, b"FOUR"))
scrub("what a file had that is being rewritten", [("w/f", "damaged", True)])
done(kit.run(kit.NOTARYFS, "repair", v.path), "is made again")
tap.is_((read(files + "/w/f"), b"four" in copies()), (b"on its way", True), "and what is on its way stays")
v.close()
tap.done()
