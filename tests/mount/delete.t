#!/usr/bin/python3
"""Files that are deleted: by their date, by an order of the governance key, and
never otherwise; what audit and restore make of it out of the buckets alone."""
import datetime
import hashlib
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import vaultkit as kit

kit.need_fuse()
tap = kit.Tap()
LARGE = 20 << 20        # in extents of its own


def tool(*argv):
    p = kit.run(kit.NOTARYFS, *argv)
    p.out = p.stdout.decode("utf-8", "replace")
    p.err = p.stderr.decode("utf-8", "replace")
    return p


def new_vault(mode):
    v = kit.Vault(init=False)
    kit.run(kit.NOTARYFS, "init", v.path, "--settle", "500ms", "--retention", mode, check=True)
    with open(os.path.join(v.path, "anchor")) as f:
        v.anchor = f.read().strip()
    v.mount()
    return v


def write(v, path, data):
    path = os.path.join(v.mnt, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    return path


def final(v, path="."):
    kit.run(kit.NOTARYFS, "wait", os.path.join(v.mnt, path), check=True)


def refused(p, code, said, what):
    if not tap.ok(p.returncode == code and said in p.err, what):
        tap.diag("exit %d: %s%s" % (p.returncode, p.out, p.err))


def done(p, said, what):
    if not tap.ok(p.returncode == 0 and said in p.out, what):
        tap.diag("exit %d: %s%s" % (p.returncode, p.out, p.err))


def extents(v):
    return [sorted(os.listdir(os.path.join(b, v.anchor, "c"))) for b in v.buckets()]


def ctl(v, line):
    fd = os.open(v.mnt + "/.notary/ctl", os.O_RDWR)
    try:
        os.write(fd, line.encode())
        err = 0
    except OSError as e:
        err = e.errno
    answer = os.read(fd, 65536).decode()
    os.close(fd)
    return err, answer


def certificate(v, path, to):
    with open(v.mnt + "/" + path + ".cert", "rb") as f, open(to, "wb") as t:
        t.write(f.read())
    return to


v = new_vault("governance")
key = v.path + "/governance.key"
tap.is_(os.stat(key).st_mode & 0o7777, 0o600, "the governance key is its owner's alone")
away = v.dir + "/key"
os.rename(key, away)

# -- by order
small = write(v, "d/small", b"to be forgotten\n")
big = write(v, "big", os.urandom(LARGE))
twin = write(v, "twin", b"a" * LARGE)
twin2 = write(v, "twin2", b"a" * LARGE)
held = write(v, "held", b"held\n")
kept = write(v, "d/kept", b"kept\n")
final(v)
cert = certificate(v, "d/small", v.dir + "/small.cert")
shutil.copy(small, v.dir + "/small")
tap.is_({len(x) for x in extents(v)}, {2}, "two large contents have an extent each in every bucket")
refused(tool("delete", small), 64, "--reason is needed", "a reason is needed")
refused(tool("delete", "--reason", "r", small), 1, "name its file with --key", "and the key")
refused(tool("delete", "--reason", "r", "--key", cert, small), 1, "chmod 600", "which nobody else may read")
os.chmod(cert, 0o600)
refused(tool("delete", "--reason", "r", "--key", cert, small), 1, "no governance key", "and is one")
kit.run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", v.dir + "/other",
        check=True)
refused(tool("delete", "--reason", "r", "--key", v.dir + "/other", small), 1, "not by a governance key",
        "another key has nothing to say")
fresh = write(v, "fresh", b"x\n")
writer = open(fresh, "ab")     # so that it is not sealed meanwhile
refused(tool("delete", "--reason", "r", "--key", away, fresh), 1, "can be unlinked", "what is not sealed is unlinked")
writer.close()
done(tool("hold", "--case", "Case 7", held), "1 files are held for Case 7", "a hold is placed")
refused(tool("delete", "--reason", "r", "--key", away, held), 1, "release that first", "what is held is not deleted")
try:
    os.unlink(small)
    tap.ok(False, "unlink still says no")
except PermissionError:
    tap.ok(True, "unlink still says no")
p = tool("delete", "--reason", "Art. 17", "--key", away, small, big, twin, "--json")
tap.is_(p.returncode, 0, "three files are deleted by order")
rows = {os.path.basename(r["path"]): (r["bytes"], r["in_buckets"]) for r in json.loads(p.out)["deleted"]}
tap.is_(rows, {"small": (16, "stay"), "big": (LARGE, "erased when final"), "twin": (LARGE, "erased when final")},
        "and what becomes of their bytes is said")
tap.is_(sorted(os.listdir(v.mnt)) + os.listdir(v.mnt + "/d"), ["d", "fresh", "held", "twin2", "kept"],
        "they are gone from the mount")
tap.ok(not os.path.exists(v.path + "/files/d/small") and not os.path.exists(v.path + "/files/big"),
       "and from the plain files")
refused(tool("delete", "--reason", "r", "--key", away, small), 1, "No such file", "once")
final(v)
top = kit.wait_for(lambda: {len(x) for x in extents(v)} == {1})
tap.ok(top, "the extent of the one is erased from every bucket, what another file has too stays")
with open(twin2, "rb") as f:
    tap.is_(hashlib.sha256(f.read()).digest(), hashlib.sha256(b"a" * LARGE).digest(), "and can be read")
p = kit.run(kit.VERIFY, "--anchor", v.anchor, v.dir + "/small", cert)
tap.is_(p.returncode, 0, "the certificate of a deleted file still proves its content")
again = write(v, "d/small", b"another\n")
final(v)
tap.ok(os.path.exists(again + ".cert"), "its name may be used again, with a certificate of its own")


def shown(path, n):
    def read():
        with open("%s/.notary/history/%s/%s" % (v.mnt, path, n), "rb") as f:
            return f.read()
    return kit.answer(read)


tap.is_(sorted(os.listdir(v.mnt + "/.notary/history/d/small")), ["1", "1.cert", "2", "2.cert"], "its history has both")
tap.is_([shown("d/small", 1), shown("d/small", 2), shown("big", 1)], ["ENODATA", b"another\n", "ENODATA"],
        "what was deleted has no bytes there, which is no error of a disk")
with open(v.dir + "/past.cert", "wb") as f:
    f.write(shown("d/small", "1.cert"))
p = kit.run(kit.VERIFY, "--anchor", v.anchor, v.dir + "/small", v.dir + "/past.cert")
tap.is_(p.returncode, 0, "but its certificate, which still proves them")

# -- holds
done(tool("hold", held), "held: Case 7", "holds are shown")
refused(tool("hold", "--release", "--case", "Case 7", held), 1, "--key", "a release needs the key")
refused(tool("hold", "--release", "--case", "Case 8", "--key", away, held), 0, "not held for Case 8", "and the case")
err, answer = ctl(v, "holds held")
line = answer.split("\n")[0]
tap.ok(err == 0 and line.endswith(" Case 7"), "ctl names the record of a hold")
done(tool("hold", "--release", "--case", "Case 7", "--key", away, "--reason", "settled", held), "1 files are released",
     "the key releases it")
done(tool("hold", "--json", held), '"holds":[]', "it is not held any more")
done(tool("hold", "--case", "Case 7", held), "held", "it is held again")
tap.ok(ctl(v, "holds held")[1].split(" ")[0] != line.split(" ")[0], "by another record, so the old order is spent")
done(tool("hold", "--case", "Case 7", "-r", v.mnt + "/d"), "2 files are held", "all below a folder")

# -- a log
os.mkdir(v.mnt + "/logs")
os.setxattr(v.mnt + "/logs", "user.notary.preset", b"log")
log = write(v, "logs/l", b"1\n")
final(v)
with open(log, "ab") as f:
    f.write(b"2\n")
    f.flush()
    refused(tool("delete", "--reason", "r", "--key", away, log), 1, "wait until nobody writes to it", "a log that grows")
    tap.is_(kit.said(os.unlink, log), "EPERM", "cannot be unlinked either")
final(v)
done(tool("delete", "--reason", "r", "--key", away, log), "deleted", "when it is sealed it is deleted")

# -- dates
brief = write(v, "brief", b"brief\n")
final(v)
now = datetime.datetime.now(datetime.timezone.utc)
end = (now + datetime.timedelta(seconds=9)).replace(microsecond=0)
soon = end.strftime("%Y-%m-%dT%H:%M:%SZ")
refused(tool("retain", "--until", "2001-01-01", brief), 1, "refused", "a date that is past")
refused(tool("retain", "--until", "tomorrow", brief), 64, "must be a date", "what is no date")
done(tool("retain", "--until", soon, brief), "1 files are kept until " + soon, "a date by name")
done(tool("retain", brief), soon, "is shown")
done(tool("retain", "--for", "7y", "-r", v.mnt + "/d", "--json"), '"kept": 2', "all below a folder for seven years")
tap.is_(json.loads(tool("retain", "--json", brief).out)["files"],
        [{"path": brief, "until": soon, "holds": []}], "as JSON too")
unsealed = write(v, "unsealed", b"x")
w = open(unsealed, "ab")
refused(tool("retain", "--for", "1d", unsealed), 2, "not sealed yet", "what is not sealed is left")
refused(tool("retain", unsealed), 2, "not sealed yet", "nor has it a date to show")
w.close()
n = 0


def gone():
    """New blocks move the chain's clock."""
    global n
    n += 1
    write(v, "tick%d" % n, b"tick\n")
    final(v)
    try:
        os.unlink(brief)
        return True
    except PermissionError:
        return False


went = gone()
tap.ok(not went or datetime.datetime.now(datetime.timezone.utc) >= end, "before its date it stays")
tap.ok(went or kit.wait_for(gone, step=0.2), "when the chain has passed its date it can be unlinked")

# -- ctl
tap.is_(ctl(v, "sync"), (0, "ok\n"), "ctl: sync")
tap.is_(ctl(v, "seal unsealed\n"), (0, "ok\n"), "ctl: seal")
tap.is_(ctl(v, "seal no/such")[0], 2, "ctl: a file that is not there")
tap.is_(ctl(v, "fly")[0], 22, "ctl: an unknown request")
tap.is_(ctl(v, "order 00")[0], 22, "ctl: what is no order")
tap.is_(os.stat(v.mnt + "/.notary/ctl").st_mode & 0o777, 0o600, "ctl: for whoever mounted the vault")
p = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", "sh", "-c", "echo sync >" + v.mnt +
                    "/.notary/ctl"], stderr=subprocess.PIPE)
tap.ok(p.returncode != 0 and b"Permission denied" in p.stderr, "ctl: and nobody else")

# -- out of the buckets alone
final(v)
want = kit.listing(v.mnt)
v.umount()
p = tool("audit", v.path, "--json")
found = json.loads(p.out) if p.out else {}
if not tap.is_((p.returncode, found.get("deleted_by_order"), found.get("expired"), found.get("held")), (0, 4, 1, 3),
               "the audit finds every deletion allowed"):
    tap.diag(p.out + p.err)
p = tool("restore", "--anchor", v.anchor, v.dir + "/out", *v.buckets()[:3])
tap.is_(p.returncode, 0, "all is restored")
got = kit.listing(v.dir + "/out", skip=(v.dir + "/out/.certs",))
tap.is_(sorted(set(got) ^ set(want)), [], "but what was deleted")
tap.ok("2 of the files are kept until a date" in p.out and "3 are held" in p.out, "dates and holds are known")
tap.ok(os.stat(v.dir + "/out/d/kept").st_atime > now.timestamp() + 7 * 365 * 86400, "dates are access times again")
v.mount()
tap.is_(json.loads(tool("hold", "--json", held).out)["files"][0]["holds"], ["Case 7"], "holds outlive a mount")

# -- a bucket that is away
b5, aside = v.buckets()[5], v.dir + "/aside"
large = write(v, "large", os.urandom(LARGE))
final(v)
os.rename(b5, aside)
late = write(v, "late", b"late\n")
final(v)
refused(tool("delete", "--reason", "r", "--key", away, late), 2, "a bucket still lacks it",
        "what a bucket lacks is not deleted: it is made from the plain file")
done(tool("delete", "--reason", "r", "--key", away, large), "erased", "what all have is")
final(v)
tap.ok(kit.wait_for(lambda: {len(os.listdir(os.path.join(b, v.anchor, "c"))) for b in v.buckets()[:5]} == {1}),
       "its extent is erased where it can be")
tap.ok(kit.wait_for(lambda: "event=erasing-failed" in v.log()), "the journal says where it cannot")
v.umount()
v.mount()
os.rename(aside, b5)
tap.ok(kit.wait_for(lambda: {len(x) for x in extents(v)} == {1}), "and there when the bucket is back, over a mount too")
kit.wait_for(lambda: tool("delete", "--reason", "r", "--key", away, late).returncode == 0)
tap.ok(not os.path.exists(late), "what it lacked is deleted when it has it")
os.symlink("held", v.mnt + "/link")
one = write(v, "one", b"1\n")
os.link(one, v.mnt + "/two")
final(v)
done(tool("hold", "--case", "L", v.mnt + "/two"), "held", "a hold by another name")
done(tool("hold", "--case", "L", "--release", "--key", away, v.mnt + "/two"), "1 files are released",
     "is released by it")
tap.is_(ctl(v, "holds one"), (0, ""), "for all names")
final(v)
refused(tool("delete", "--reason", "r", "--key", away, one), 1, "other names", "the first name of a file goes last")
done(tool("delete", "--reason", "r", "--key", away, v.mnt + "/two", one, v.mnt + "/link"), "deleted",
     "after the others; a symbolic link, too")
odd = write(v, "new\nline\n", b"odd\n")
final(v)
done(tool("hold", "--case", "O", odd), "1 files are held", "a file with newlines in its name can be held")
done(tool("hold", "--case", "O", "--release", "--key", away, odd), "1 files are released", "released")
done(tool("delete", "--reason", "r", "--key", away, odd), "deleted", "and deleted")
final(v)
p = tool("scrub", v.path)
if not tap.is_(p.returncode, 0, "a scrub misses nothing"):
    tap.diag(p.out + p.err)
v.umount()
for d in (b5,):
    subprocess.run(["chattr", "-R", "-f", "-i", d], stderr=subprocess.DEVNULL)
    shutil.rmtree(d)
p = tool("repair", "--fill", b5, v.path)
if not tap.is_(p.returncode, 0, "a repair fills an empty bucket without what was deleted"):
    tap.diag(p.out + p.err)
tap.is_({len(x) for x in extents(v)}, {1}, "which comes back nowhere")
tap.is_(tool("audit", v.path).returncode, 0, "and the audit is content")

# -- compliance
c = new_vault("compliance")
f = write(c, "f", b"stays\n")
final(c)
refused(tool("delete", "--reason", "r", f), 1, "nobody deletes before", "compliance: no order deletes")
done(tool("hold", "--case", "A", f), "held", "compliance: holds")
done(tool("hold", "--case", "A", "--release", f), "released", "are released by the key")
final(c)
c.umount()
p = tool("audit", c.path)
if not tap.is_(p.returncode, 0, "and the audit is content"):
    tap.diag(p.out + p.err)
tap.done()
