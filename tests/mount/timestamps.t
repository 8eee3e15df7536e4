#!/usr/bin/python3
"""Time from strangers: authorities of RFC 3161 are asked over HTTP, and as many
of them have to stamp each block as the chain says."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from tsaserver import Tsa
from vaultkit import NOTARYFS, TOP, VERIFY, Tap, Vault, need_fuse, run, wait_for

need_fuse()
t = Tap()
v = Vault(init=False)
a, b, c = Tsa(v.dir, "alpha"), Tsa(v.dir, "beta", sha3=True), Tsa(v.dir, "gamma")
SLOW = {"slow"}
BAD = ("again", "changed", "cut", "garbage", "long", "html", "elsewhere", "fails", "slow")


def text(p):
    return (p.stdout + p.stderr).decode()


def init(*more):
    return run(NOTARYFS, "init", v.path, "--settle", "500ms", *more)


def of(x, *more):
    return ("--tsa", x.url, "--tsa-root", x.root) + more


def refused(what, exit, why, *more):
    p = init(*more)
    t.ok(p.returncode == exit and why in text(p) and not os.path.exists(v.path), what) or t.diag(text(p))


# -- what cannot work is said before anything is made
nobody = Tsa(v.dir, "nobody")
nobody.stop()
refused("an authority that does not answer", 1, nobody.url + ": ", *of(nobody))
refused("one with another root", 1, a.url + ": the certificates do not lead to the pinned root",
        "--tsa", a.url, "--tsa-root", b.root)
refused("one that does not stamp under that policy", 1, "did not grant", *of(a, "--tsa-policy", "1.2.3"))
weak = Tsa(v.dir, "weak", signer="sha1")
refused("one that signs with a weak hash, which is named", 1, weak.url + ": an algorithm is weak or unknown: sha1", *of(weak))
weak.stop()
refused("a root that is none", 1, "certificates in PEM", "--tsa", a.url, "--tsa-root", "/proc/version")
refused("a root that is not there", 1, "No such file", "--tsa", a.url, "--tsa-root", v.dir + "/none")
refused("no root", 64, "--tsa-root FILE", "--tsa", a.url)
refused("a root before its authority", 64, "before it", "--tsa-root", a.root)
refused("the local one has no root", 64, "no root", "--tsa", "local", "--tsa-root", a.root)
refused("no URL", 64, "must be a URL", "--tsa", "ftp://127.0.0.1/", "--tsa-root", a.root)
refused("no policy", 64, "an OID", *of(a, "--tsa-policy", "any"))
refused("a quorum of more than there are", 64, "fewer", *of(a, "--quorum", "2"))
refused("a quorum of none", 64, "--quorum 0", *of(a, "--quorum", "0"))
for mode in BAD:
    if mode not in SLOW:
        a.mode = mode
        refused("an answer that is %s" % mode, 1, a.url + ": ", *of(a))
a.mode = "well"

# -- two of three
p = init(*of(a), *of(b, "--tsa-policy", "1.3.6.1.4.1.55555.1"), *of(c), "--quorum", "2")
t.ok(p.returncode == 0, "a vault with three authorities, two of which have to stamp") or t.diag(text(p))
with open(v.path + "/anchor") as f:
    v.anchor = f.read().strip()
t.ok(not os.path.exists(v.path + "/state/keys/timestamp"), "has no key of its own for time")
t.ok("order, and 2 of 3" in text(run(NOTARYFS, "check", v.path)), "check says who vouches for time")
v.mount()


def write(name):
    with open(os.path.join(v.mnt, name), "w") as f:
        f.write(name)


def final(name, timeout="20s"):
    return run(NOTARYFS, "wait", os.path.join(v.mnt, name), "--timeout", timeout).returncode


def certificate(name):
    """Checked by both programs; who stamped, by its JSON."""
    cert = os.path.join(v.dir, name + ".cert")
    with open(cert, "wb") as out, open(os.path.join(v.mnt, name + ".cert"), "rb") as f:
        out.write(f.read())
    p = run(VERIFY, "--json", "--anchor", v.anchor, os.path.join(v.mnt, name), cert)
    q = run("python3", TOP + "/contrib/verify.py", "--anchor", v.anchor, os.path.join(v.mnt, name), cert)
    t.ok(p.returncode == 0 and q.returncode == 0, "%s: both verifiers say valid" % name) or t.diag(text(p) + text(q))
    return len(json.loads(p.stdout)["existed_by_by"]), cert


def timestamp_row():
    return next(r for r in v.status()["services"] if r["name"] == "timestamp")


write("all")
t.is_(final("all"), 0, "a file is final")
n, cert = certificate("all")
t.is_(n, 3, "stamped by all that answered")
t.ok("alpha root" in text(run(VERIFY, "--anchor", v.anchor, v.mnt + "/all", cert)), "and says by whom")
parts = v.dir + "/parts"
p = run(VERIFY, "parts", cert, parts)
t.ok(p.returncode == 0, "its parts") or t.diag(text(p))
with open(parts + "/README") as f:
    said = [line.strip() for line in f.read().replace("\\\n", "").split("\n") if line.strip().startswith("openssl ts -verify") and "-data block.cbor" in line]
t.is_(len(said), 3, "say how to check those that have their block")
for line in said:
    p = subprocess.run(line, shell=True, cwd=parts, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    t.ok(p.returncode == 0, line) or t.diag(text(p))
t.ok(a.asked > 0 and b.asked > 0 and c.asked > 0, "each was asked")

c.mode = "fails"
write("two")
t.is_(final("two"), 0, "one that fails is done without")
t.is_(certificate("two")[0], 2, "then two have stamped")
t.ok(timestamp_row()["ok"], "which is enough")
p = run(NOTARYFS, "check", v.path)
t.ok("warning  timestamp: enough stamps, but not from all: %s" % c.url in text(p), "check names the one that fails")

for mode in BAD:
    b.mode = mode
    asked = b.asked
    write(mode)
    t.ok(wait_for(lambda: not timestamp_row()["ok"]), "%s: no block is made of one stamp" % mode)
    t.ok(b.url in timestamp_row()["error"] and c.url in timestamp_row()["error"], "and status says whose are missing") \
        or t.diag(timestamp_row()["error"])
    t.ok(b.asked > asked, "it was asked")
    t.is_(os.getxattr(os.path.join(v.mnt, mode), "user.notary.state"), b"sealed", "the file waits, sealed")
    b.mode = "well"
    t.is_(final(mode, "40s"), 0, "and is final when it answers well")
    t.is_(certificate(mode)[0], 2, "with two stamps")
b.mode = "fails"
write("said")
t.ok(wait_for(lambda: "event=service-failed service=timestamp" in v.log() and b.url in v.log()),
     "the journal says who fails")
b.mode = "well"
t.ok(wait_for(lambda: "event=service-works service=timestamp" in v.log()), "and that it works again")
p = run(NOTARYFS, "check", v.path)
t.is_(p.returncode, 0, "check finds enough")
b.stop()
p = run(NOTARYFS, "check", v.path)
t.ok(p.returncode == 1 and "FAILED   timestamp: fewer than the 2 stamps" in text(p), "or too few") or t.diag(text(p))

# -- away for the whole time of a mount, and at another address
write("later")
t.ok(wait_for(lambda: not timestamp_row()["ok"]), "b is gone")
v.umount()
conf = v.path + "/notaryfs.conf"
with open(conf) as f:
    was = f.read()
old = b.url
b.port = 0
b.start()


def configured(text_):
    with open(conf, "w") as f:
        f.write(text_)


configured(was.replace("tsa = %s\n" % old, ""))
p = run(NOTARYFS, "mount", v.path, v.mnt)
t.ok(p.returncode == 1 and "one line tsa = for each" in text(p), "a line that is missing is refused") or t.diag(text(p))
configured(was.replace(old, "gopher://x"))
p = run(NOTARYFS, "mount", v.path, v.mnt)
t.ok(p.returncode == 1 and "must be a URL" in text(p), "so is one that is no URL") or t.diag(text(p))
configured(was.replace(old, "local"))
p = run(NOTARYFS, "mount", v.path, v.mnt)
t.ok(p.returncode == 1 and "not in the order" in text(p), "or the local clock in a stranger's place") or t.diag(text(p))
configured(was.replace(old, "@").replace(a.url, b.url).replace("@", a.url))
p = run(NOTARYFS, "check", v.path)
t.ok(p.returncode == 1 and "do not lead to the pinned root" in text(p), "each is asked for its own stamps") or t.diag(text(p))
configured(was.replace(old, b.url))
v.mount()
t.is_(final("later"), 0, "what waited is final after it has moved to another address")
v.umount()

# -- without any of them
for x in (a, b, c):
    x.stop()
p = run(NOTARYFS, "audit", v.path)
t.ok(p.returncode == 0, "an audit needs no service") or t.diag(text(p))
out = v.dir + "/restored"
p = run(NOTARYFS, "restore", "--anchor", v.anchor, out, *v.buckets()[:3])
t.ok(p.returncode == 0, "nor does a restore") or t.diag(text(p))
p = run(VERIFY, "-r", "--anchor", v.anchor, out)
t.ok(p.returncode == 0, "nor a verification") or t.diag(text(p))
t.done()
