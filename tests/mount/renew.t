#!/usr/bin/python3
"""Certificates renewed under another hash: the old one is in the new one, both
verifiers say so, nothing is lost by a crash, and who restores the vault has the
same ones."""
import errno
import hashlib
import json
import os
import shutil
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import NOTARYFS, TOP, VERIFY, Tap, Vault, alive, need_fuse, run, wait_for

need_fuse()
t = Tap()
v = Vault(settle="1h")     # nothing is sealed before it is asked for
with open(v.path + "/notaryfs.conf", "a") as f:
    f.write("bind = /w mirror\nbind = /log log\n")
ROOT = os.geteuid() == 0
OTHERS = ("-o", "allow_other") if ROOT else ()
v.mount(*OTHERS)
m = v.mnt


def text(p):
    return (p.stdout + p.stderr).decode(errors="replace")


def says(p, code, words, what):
    t.ok(p.returncode == code and words in text(p), what) or t.diag("exit %d\n%s" % (p.returncode, text(p)))


def tool(*argv, **kw):
    return run(NOTARYFS, *argv, **kw)


def put(name, data, mode="wb"):
    with open(name, mode) as f:
        f.write(data)
    return name


def get(name):
    with open(name, "rb") as f:
        return f.read()


def cert(rel):
    return get(m + "/.notary/cert/" + rel)


def keep(rel):
    """Its certificate as it is now, in a file outside."""
    return put(os.path.join(v.dir, rel.replace("/", "-") + ".%d.cert" % len(cert(rel))), cert(rel))


def judged(file, certificate):
    """What both verifiers say: None unless they agree that it is valid."""
    ours = run(VERIFY, "--json", "--anchor", v.anchor, file, certificate)
    other = run("python3", TOP + "/contrib/verify.py", "--json", "--anchor", v.anchor, file, certificate)
    a, b = json.loads(ours.stdout), json.loads(other.stdout)
    same = a["valid"] and b["valid"] and a["final_by"] == b["final_by"]
    return a if same else t.diag("%s\n%s" % (a, b))


def wait():
    tool("seal", "-r", m, check=True)
    tool("wait", m, "--timeout", "300s", check=True)


os.makedirs(m + "/d")
os.makedirs(m + "/w")
os.makedirs(m + "/log")
a = put(m + "/a", b"a" * 5000)
put(m + "/d/b", os.urandom(1 << 20))
put(m + "/d/line\nbreak", b"odd")
put(m + "/empty", b"")
os.link(a, m + "/hard")
os.symlink("a", m + "/soft")
w = put(m + "/w/f", b"one")
log = put(m + "/log/l", b"first\n")
says(tool("renew", a), 2, "not final yet", "what has no certificate has none to renew")
wait()
first = keep("a")
t.ok(judged(a, first)["renewed_by"] is None, "a certificate")

# -- what is refused, and leaves no trace
says(tool("renew"), 64, "at least one path", "no path")
says(tool("renew", "--hash", "md5", a), 64, "must be sha-256", "a hash that is none")
says(tool("renew", "--hash", "sha-384", a), 1, "parameters name no such hash", "one that the vault does not name")
says(tool("renew", m), 1, "-r takes all", "a folder without -r")
says(tool("renew", "/proc/version"), 1, "not in a mounted vault", "a file elsewhere")
says(tool("renew", m + "/none"), 1, "No such file", "a file that is not there")
if ROOT:
    os.chmod(v.dir, 0o755)
    theirs = shutil.copy(NOTARYFS, v.dir)  # where they may execute it
    says(run(theirs, "renew", a, user=65534, group=65534, extra_groups=[]), 1, "only whoever mounted", "another user")


def ctl(line):
    """The errno of a request, or 0."""
    fd = os.open(m + "/.notary/ctl", os.O_RDWR)
    try:
        os.write(fd, line.encode())
        return 0
    except OSError as e:
        return e.errno
    finally:
        os.close(fd)


d512 = "00" * 64
for line, what in (
        ("renew", "nothing"), ("renew sha-512", "a hash alone"), ("renew sha-512 00 00", "no path"),
        ("renew sha-512 %s %s " % (d512, d512), "an empty one"), ("renew sha-512 %s 00 a" % d512, "two lengths"),
        ("renew sha-512 %s0 %s0 a" % (d512, d512), "half a byte"), ("renew sha-512 %s00 %s00 a" % (d512, d512), "too long"),
        ("renew sha-512 %s %s a" % ("zz" * 64, d512), "no digits"), ("renew SHA %s %s a" % (d512, d512), "no name"),
        ("renew %s %s %s a" % ("x" * 99, d512, d512), "a long one")):
    t.is_(ctl(line), errno.EINVAL, "ctl: " + what)
t.is_(ctl("renew sha-512 %s %s a" % (d512, d512)), errno.ESTALE, "ctl: another certificate")
t.is_(ctl("renew sha-512 %s %s a" % ("00" * 32, "00" * 32)), errno.ESTALE, "ctl: digests of another length")
t.is_(ctl("renew sha-384 %s %s a" % (d512, d512)), errno.EOPNOTSUPP, "ctl: a hash that is not named")
t.is_(ctl("renew sha-512 %s %s ../a" % (d512, d512)), errno.ENOENT, "ctl: a path that leaves")
t.is_(ctl("renew sha-512 %s %s d" % (d512, d512)), errno.ENOENT, "ctl: a folder")
t.is_(cert("a"), get(first), "nothing of all that has changed the certificate")

# -- a file that is not what was sealed is not vouched for again
plain = v.path + "/files/d/b"
run("chattr", "-i", plain)
was, times = get(plain), os.stat(plain)
with open(plain, "r+b") as f:
    f.seek(777)
    f.write(bytes([was[777] ^ 1]))
run("sh", "-c", "echo 3 > /proc/sys/vm/drop_caches")
says(tool("renew", m + "/d/b"), 1, "does not hold", "a damaged file")
with open(plain, "r+b") as f:
    f.seek(777)
    f.write(was[777:778])
os.utime(plain, ns=(times.st_atime_ns, times.st_mtime_ns))
run("chattr", "+i", plain)

# -- all
p = tool("renew", "-r", m)
says(p, 0, "8 certificates renewed under sha3-512", "all below a folder")
for rel in ("a", "d/b", "empty", "hard", "w/f", "log/l", "d/line\nbreak"):
    j = judged(m + "/" + rel, keep(rel))
    t.ok(j and j["renewed_by"] and j["final_by"], "%r is renewed, and it is known by when it was final" % rel)
t.ok(judged(a, first), "the one that was copied before is as good as it was")
t.ok(len(cert("a")) > len(get(first)), "the new one is longer")
says(tool("renew", "-r", m), 0, "0 certificates renewed under sha3-512, 8 were already", "again there is nothing to do")
p = tool("renew", "--json", "-r", m)
t.is_((p.returncode, json.loads(p.stdout)), (0, {"hash": "sha3-512", "renewed": 0, "already": 8, "unready": 0, "refused": 0}), "as JSON, too")
says(tool("renew", "--hash", "sha-256", a), 1, "weaker", "a weaker one than it has")
says(run(VERIFY, "--anchor", v.anchor, w, first), 1, "refused", "of another file it is refused")
bent = bytearray(cert("a"))
bent[len(bent) // 2] ^= 1
says(run(VERIFY, "--anchor", v.anchor, a, put(v.dir + "/bent", bent)), 1, "refused", "with one changed bit, too")

# -- and again under another, with parts of it beside
says(tool("renew", "--hash", "sha-512", a), 0, "1 certificates renewed under sha-512", "under one more")
says(run(VERIFY, "--anchor", v.anchor, a, keep("a")), 0, "with digests sha-512", "it says both")
part = put(v.dir + "/part", tool("cert", "--range", "100-200", a, check=True).stdout)
says(run(VERIFY, "--anchor", v.anchor, "--range", "100-200", put(v.dir + "/piece", get(a)[100:200]), part), 0, "valid", "a range of it")
says(tool("export", m + "/d", v.dir + "/out"), 0, "2 files", "it is exported")
says(run(VERIFY, "--anchor", v.anchor, "-r", v.dir + "/out/files", "--certs", v.dir + "/out/certificates"), 0,
     "2 valid", "and good there")
says(tool("verify", m), 0, "0 refused", "the mount finds all good")
t.ok("block.cbor" in os.listdir(m + "/a.cert.d"), "its parts are there")

# -- what it was renewed for can go: its history keeps the renewal
put(w, b"two")
put(log, b"second\n", "ab")
wait()
t.ok(judged(w, keep("w/f"))["renewed_by"] is None, "another content has another certificate")
past = put(v.dir + "/past", get(m + "/.notary/history/w/f/1.cert"))
t.ok(judged(m + "/.notary/history/w/f/1", past)["renewed_by"], "the version before keeps its own")
t.ok(judged(m + "/.notary/history/log/l/1", put(v.dir + "/past", get(m + "/.notary/history/log/l/1.cert")))["renewed_by"],
     "and so does a log before it grew")
says(tool("renew", "-r", m), 0, "2 certificates renewed under sha3-512, 6 were already", "and it is renewed in turn")

# -- as often as can be, one after the other
def ask(raw):
    return ctl("renew sha3-512 %s %s empty" % (hashlib.sha3_512(b"").hexdigest(), hashlib.sha3_512(raw).hexdigest()))


n, raw = 1, cert("empty")  # it was renewed once
while n < 12 and (e := ask(raw)) == 0:
    t.ok(ask(raw) in (errno.EALREADY, errno.ESTALE), "one at a time")
    wait_for(lambda: cert("empty") != raw)
    n, raw = n + 1, cert("empty")
t.is_((e, n), (errno.EMLINK, 8), "after eight renewals there is no ninth")
t.ok(judged(m + "/empty", keep("empty")), "the eighth is good")

# -- a crash changes nothing
every = [os.path.relpath(os.path.join(d, f), m) for d, _, fs in os.walk(m) for f in fs if not d.startswith(m + "/.notary")]
every = [x for x in every if not x.endswith(".cert")]
were = {x: cert(x) for x in every}
pid = v.pid()
os.kill(pid, signal.SIGKILL)
wait_for(lambda: not alive(pid))
v.umount()
v.mount(*OTHERS)
t.is_({x: cert(x) for x in every}, were, "all certificates are the same after a crash and a start")
now = {n: get("%s/.notary/history/%s/1.cert" % (m, n)) for n in ("w/f", "log/l")}
v.umount()

# -- from three buckets
says(tool("audit", v.path), 0, "all is well", "audit")
out, past = v.dir + "/restored", v.dir + "/restored-past"
says(tool("restore", "--anchor", v.anchor, "--history", past, out, *v.buckets()[::2]), 0, "", "restore")
got = {x: get(os.path.join(out, ".certs", x + ".cert")) for x in every if not os.path.islink(os.path.join(out, x))}
t.is_([x for x in got if got[x] != were[x]], [], "has the same certificates")
t.is_(len(got), len(every) - 1, "of all files")
t.is_({n: get("%s/history/%s/1.cert" % (past, n)) for n in now}, now, "also of what was before")
t.done()
