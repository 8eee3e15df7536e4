#!/usr/bin/python3
"""How long files are kept by the rule that decides about their name: the date
at the seal, the limits of later ones, and what is told about it."""
import errno
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import vaultkit as kit

kit.need_fuse()
tap = kit.Tap()
DAY = 86400


def make(path):
    with open(path, "w") as f:
        f.write(path + "\n")
    return path


def seal(*paths):
    kit.run(kit.NOTARYFS, "seal", *paths, check=True)
    kit.run(kit.NOTARYFS, "wait", *paths, check=True)


def days(path):
    """From now to its date, or None."""
    try:
        text = os.getxattr(path, "user.notary.retain_until").decode()
    except OSError as e:
        return None if e.errno == errno.ENODATA else -1
    s = int(kit.run("date", "-d", text, "+%s", check=True).stdout)
    return (s - time.time()) / DAY


def about(got, want):
    return got is not None and abs(got - want) < 0.1


def until(path, n):
    try:
        os.setxattr(path, "user.notary.retain_until", b"%d" % (time.time() + n * DAY))
        return 0
    except OSError as e:
        return errno.errorcode[e.errno]


v = kit.Vault(init=False)
kit.run(kit.NOTARYFS, "init", v.path, "--settle", "1h", "--retention", "compliance", check=True)
with open(v.path + "/notaryfs.conf", "a") as f:
    f.write("retain_default = 20d\nretain_min = 5d\n"
            "rule = records include default\n"
            "rule = records seal,retain=90d,min=60d,max=365d invoices\n"
            "rule = records seal,retain=none,min=none *.txt\n"
            "bind = /bound records\n")
v.mount()
m = v.mnt
os.makedirs(m + "/bound/invoices/deep")
os.mkdir(m + "/own")
os.setxattr(m + "/own", "user.notary.preset", b"records")
os.mkdir(m + "/own/invoices")
plain, far, text, other, own = [make(m + x) for x in (
    "/plain", "/bound/invoices/deep/a", "/bound/b.txt", "/bound/c", "/own/invoices/d")]
os.link(far, m + "/alias")
seal(plain, far, text, other, own)
tap.ok(about(days(plain), 20), "where no rule says it, a file is kept as the vault has it")
tap.ok(about(days(other), 20), "also where a preset is bound that has rules for others")
tap.ok(about(days(far), 90), "what a rule decides about is kept as that says")
tap.ok(about(days(own), 90), "also where the preset was given to the folder")
tap.is_(days(text), None, "a rule may say that there is no date")
tap.is_(until(plain, 21), 0, "a later date")
tap.is_(until(text, 1), 0, "a rule's own least time counts: none")
tap.is_(until(far, 366), "EPERM", "beyond its greatest time is refused")
tap.is_(until(m + "/alias", 366), "EPERM", "by another name, too, for which no rule says it")
tap.is_(until(m + "/alias", 364), 0, "up to it is not")
late = make(m + "/bound/late.txt")
seal(late)
os.link(late, m + "/bound/invoices/late")
tap.is_(until(m + "/bound/invoices/late", 30), 0, "a link keeps the rule of its file's first name")
v.umount()
v.mount()
tap.is_([until(own, 366), until(own, 200)], ["EPERM", 0], "limits hold for what this mount has not seen before")

# -- what is told
p = kit.run(kit.NOTARYFS, "rules", m + "/bound/invoices/new", m + "/bound/x.tmp", m + "/new", check=True)
tap.is_(p.stdout.decode(), """\
bound/invoices/new: seal
  preset records, bound in notaryfs.conf to /bound
  rule seal invoices matches invoices
  kept for 90d from its seal on; dates from now: at least 60d, at most 365d
bound/x.tmp: temp
  preset records, bound in notaryfs.conf to /bound
  rule temp *.tmp matches x.tmp, taken in from preset default
new: seal
  preset default, of the whole vault
  no rule matches
  kept for 20d from its seal on; dates from now: at least 5d, at most none
""", "rules says how long files are kept")
p = kit.run(kit.NOTARYFS, "rules", "--json", m + "/bound/y.txt", check=True)
j = json.loads(p.stdout)
tap.is_([j[x] for x in ("retention", "retain_default", "retain_min", "retain_max")],
        ["compliance", None, None, None], "as JSON too")
v.umount()
w = kit.Vault()
w.mount()
p = kit.run(kit.NOTARYFS, "rules", w.mnt + "/a", check=True)
tap.ok(b"kept for ever, as all in this vault" in p.stdout, "where nothing is ever deleted, that")
w.umount()

# -- what cannot be
with open(v.path + "/notaryfs.conf", "a") as f:
    f.write("rule = bad seal,retain=1d x\nrule = worse temp,retain=1d y\nrule = none seal,keep=1d z\n")
p = kit.run(kit.NOTARYFS, "mount", v.path, m)
said = p.stderr.decode()
tap.ok(p.returncode == 1 and "never sealed is not kept until a date" in said and
       "behind the class may stand ,retain= ,min= and ,max=" in said and
       "rule for x in preset bad: with what the vault has, retain_default must not be shorter" in said,
       "every mistake is told at once")
tap.diag(said) if tap.failed else None
tap.done()
