#!/usr/bin/python3
"""The main log's place in a certificate, and witnesses who have signed it:
made in a mount, cosigned as C2SP tlog-cosignature says, judged by both
verifiers, taken apart for openssl."""
import base64
import hashlib
import json
import os
import signal
import struct
import subprocess
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import NOTARYFS, TOP, VERIFY, Tap, Vault, alive, need_fuse, run, wait_for

need_fuse()
t = Tap()
v = Vault()
v.mount()


class Witness:
    def __init__(self, name):
        self.name, self.key = name, Ed25519PrivateKey.generate()
        raw = b"\x04" + self.key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.id = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
        self.vkey = "%s+%s+%s" % (name, self.id.hex(), base64.b64encode(raw).decode())
        self.file = os.path.join(v.dir, name.replace("/", "-") + ".vkey")
        with open(self.file, "w") as f:
            f.write(self.vkey + "\n")

    def cosign(self, note, seconds=1800000000, wrong=False):
        """The note with its line under it."""
        text = note[:note.index(b"\n\n") + 1]
        s = bytearray(self.key.sign(b"cosignature/v1\ntime %d\n" % seconds + text))
        s[5] ^= wrong
        return note + "— {} {}\n".format(self.name, base64.b64encode(
            self.id + struct.pack(">Q", seconds) + s).decode()).encode()


def text(p):
    return (p.stdout + p.stderr).decode(errors="replace")


def path(name):
    return os.path.join(v.dir, name)


def put(name, data):
    with open(path(name), "wb") as f:
        f.write(data)
    return path(name)


def get(name):
    with open(name, "rb") as f:
        return f.read()


def cert(out, *argv):
    p = run(NOTARYFS, "cert", *argv)
    if p.returncode == 0:
        put(out, p.stdout)
    return p


def judge(file, c, *more):
    """What both verifiers say, which must be the same."""
    p = run(VERIFY, "--json", "--anchor", v.anchor, *more, file, c)
    q = run("python3", TOP + "/contrib/verify.py", "--json", "--anchor", v.anchor, *more, file, c)
    a, b = json.loads(p.stdout or b"{}"), json.loads(q.stdout or b"{}")
    if (p.returncode, a.get("verdict")) != (q.returncode, b.get("verdict")):
        t.ok(False, "both verifiers agree") or t.diag(text(p) + text(q))
    return a


with open(v.mnt + "/f", "w") as f:
    f.write("hello\n")
os.mkdir(v.mnt + "/d")
with open(v.mnt + "/d/g", "w") as f:
    f.write("more\n")
run(NOTARYFS, "seal", "-r", v.mnt)
run(NOTARYFS, "wait", v.mnt, check=True)
file, c = v.mnt + "/f", path("f.cert")
p = cert("f.cert", file, "--log")
t.ok(p.returncode == 0, "a certificate with its place in the main log") or t.diag(text(p))
r = judge(file, c)
t.is_(r["verdict"], "valid", "is valid")
t.ok(r["log_size"] >= 2, "and says how long the log was")
t.ok(len(get(c)) <= 7168, "it has at most 7 KB")
plain = run(NOTARYFS, "cert", file).stdout
t.ok(len(plain) < len(get(c)), "without --log it is not there")

# -- its parts, for others
parts = path("parts")
p = run(VERIFY, "--anchor", v.anchor, "parts", c, parts)
t.ok(p.returncode == 0, "its parts") or t.diag(text(p))
said = [x.strip() for x in get(parts + "/README").decode().split("\n") if x.startswith("  openssl")]
said = [x for x in said if "checkpoint.sig" in x or "receipt.sig" in x]
t.is_(len(said), 2, "say how openssl checks checkpoint and receipt")
for line in said:
    p = subprocess.run(line, shell=True, cwd=parts, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    t.ok(p.returncode == 0, line) or t.diag(p.stdout.decode())
    name = line.split()[-1] if "receipt" in line else "checkpoint.tbs"
    good = get(os.path.join(parts, name))
    with open(os.path.join(parts, name), "wb") as f:
        f.write(good[:-2] + bytes([good[-2] ^ 1]) + good[-1:])
    p = subprocess.run(line, shell=True, cwd=parts, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    t.ok(p.returncode != 0, "and refuses it after one changed byte")
    with open(os.path.join(parts, name), "wb") as f:
        f.write(good)

# -- witnesses
one, two, other = Witness("witness.example/one"), Witness("witness.example/two"), Witness("other.example")
note = get(parts + "/checkpoint")
t.is_(judge(file, c, "--witness", one.vkey)["verdict"], "witness", "without a witness's line it is refused where one is asked for")
a, b = put("a", one.cosign(note)), put("b", two.cosign(note, 1800000001))
p = cert("one.cert", c, "--cosigned", a)
t.ok(p.returncode == 0, "one line is added, to the certificate alone") or t.diag(text(p))
p = cert("two.cert", path("one.cert"), "--cosigned", b, "--cosigned", a)
t.ok(p.returncode == 0, "then another") or t.diag(text(p))
r = judge(file, path("two.cert"), "--witness", one.vkey, "--witness", two.file)
t.is_(r["verdict"], "valid", "both are asked for, one by its key, one by a file")
t.is_([(w["name"], w["time"]) for w in r["witnesses"]],
      [(one.name, "2027-01-15T08:00:00.000Z"), (two.name, "2027-01-15T08:00:01.000Z")], "each with its time")
ask = ("--witness", one.vkey, "--witness", two.vkey, "--witness", other.vkey)
t.is_(judge(file, path("two.cert"), *ask)["verdict"], "witness", "three of three are not there")
t.is_(judge(file, path("two.cert"), *ask, "--witnesses", "2")["verdict"], "valid", "two of three are")
t.is_(judge(file, path("one.cert"), *ask, "--witnesses", "2")["verdict"], "witness", "one of three is too few")
t.is_(judge(file, path("two.cert"))["verdict"], "valid", "who asks for none passes over them")
same = Witness(one.name)
t.is_(judge(file, path("two.cert"), "--witness", same.vkey)["verdict"], "witness", "another key of the same name")
p = cert("wrong.cert", c, "--cosigned", put("w", one.cosign(note, wrong=True)))
t.is_(judge(file, path("wrong.cert"), "--witness", one.vkey, "--witness", two.vkey, "--witnesses", "1")["verdict"],
      "witness", "a wrong line is refused")
cert("mixed.cert", path("wrong.cert"), "--cosigned", b)
t.is_(judge(file, path("mixed.cert"), "--witness", one.vkey, "--witness", two.vkey, "--witnesses", "1")["verdict"],
      "witness", "whatever others say")
said = run(VERIFY, "--anchor", v.anchor, "--witness", one.vkey, file, path("two.cert"))
t.ok(said.returncode == 0 and one.name in text(said) and "2027-01-15" in text(said), "it is said to a person too") or t.diag(text(said))

# -- every changed byte of the part that was added
good = get(path("two.cert"))
at = good.index(note[:20])
wrong = 0
for i in range(at, at + len(one.cosign(note)), 7):
    bad = put("bad.cert", good[:i] + bytes([good[i] ^ 1]) + good[i + 1:])
    wrong += run(VERIFY, "--anchor", v.anchor, "--witness", one.vkey, "--witness", two.vkey, file, bad).returncode != 1
t.is_(wrong, 0, "no changed byte of it passes")

# -- whole folders
tree = path("tree")
os.mkdir(tree)
for x in ("f", "d/g"):
    name = x.replace("/", "-")
    with open(os.path.join(tree, name), "wb") as f:
        f.write(get(os.path.join(v.mnt, x)))
    cert("tree/" + name + ".cert", os.path.join(v.mnt, x), "--log")
    cert("tree/" + name + ".cert", path("tree/" + name + ".cert"), "--cosigned", a)
p = run(VERIFY, "--anchor", v.anchor, "--witness", one.vkey, "-r", tree)
t.ok(p.returncode == 0, "a folder whose certificates all have the witness") or t.diag(text(p))
p = run(VERIFY, "--anchor", v.anchor, "--witness", two.vkey, "-r", tree)
t.ok(p.returncode == 1 and "witness" in text(p), "or another") or t.diag(text(p))

# -- bad input
def refused(what, exit, why, *argv):
    p = run(*argv)
    t.ok(p.returncode == exit and why in text(p), what) or t.diag("%d %s" % (p.returncode, text(p)))


def many(n):
    out = note
    for i in range(n):
        out = Witness("w%d" % i).cosign(out)
    return out


refused("no key", 64, "NAME+ID+KEY", VERIFY, "--witness", "nobody", file, c)
refused("a key with another id", 64, "NAME+ID+KEY", VERIFY, "--witness", one.vkey.replace(one.id.hex(), "00000000"), file, c)
refused("one key twice", 64, "counts once", VERIFY, "--witness", two.vkey, "--witness", two.file, file, c)
refused("more than there are", 64, "--witnesses", VERIFY, "--witness", one.vkey, "--witnesses", "2", file, c)
refused("none of some", 64, "--witnesses", VERIFY, "--witness", one.vkey, "--witnesses", "0", file, c)
refused("some of none", 64, "--witnesses", VERIFY, "--witnesses", "1", file, c)
refused("no number", 64, "a number", VERIFY, "--witness", one.vkey, "--witnesses", "all", file, c)
refused("a log has no witnesses here", 64, "--log goes with", VERIFY, "--witness", one.vkey, "--log", v.mnt + "/.notary/log")
refused("a note that is none", 1, "no signed note", NOTARYFS, "cert", c, "--cosigned", put("x", b"hello\n"))
refused("no file", 1, "No such file", NOTARYFS, "cert", c, "--cosigned", path("none"))
refused("another checkpoint", 1, "another checkpoint", NOTARYFS, "cert", c, "--cosigned",
        put("x", note.replace(b"\n", b"\n1", 1)))
refused("a certificate without one", 1, "--log", NOTARYFS, "cert", put("plain.cert", plain), "--cosigned", a)
refused("no certificate", 1, "", NOTARYFS, "cert", put("x.cert", b"hello"), "--cosigned", a)
refused("more lines than a note may have", 1, "too large", NOTARYFS, "cert", c, "--cosigned", put("x", many(40)), "--cosigned",
        put("y", many(40)))
t.is_(cert("many.cert", c, "--cosigned", put("x", many(63))).returncode, 0, "as many as it may have")
t.is_(judge(file, path("many.cert"))["verdict"], "valid", "are judged")
t.diag("63 witnesses: %d bytes" % len(get(path("many.cert"))))

# -- after an orderly end, and after none
with open(v.mnt + "/late", "w") as f:
    f.write("late\n")
run(NOTARYFS, "seal", v.mnt + "/late")
run(NOTARYFS, "wait", v.mnt + "/late", check=True)
v.umount()
v.mount()
p = cert("late.cert", v.mnt + "/late", "--log")
t.ok(p.returncode == 0, "a file of an earlier mount has its checkpoint still, to the last block") or t.diag(text(p))
t.is_(judge(v.mnt + "/late", path("late.cert"))["verdict"], "valid", "which is good")
t.is_(cert("again.cert", file, "--log").returncode, 0, "so has one before it")
with open(v.mnt + "/next", "w") as f:
    f.write("next\n")
run(NOTARYFS, "seal", v.mnt + "/next")
run(NOTARYFS, "wait", v.mnt + "/next", check=True)
t.is_(cert("next.cert", v.mnt + "/next", "--log").returncode, 0, "and one of this mount")
pid = v.daemon_pid()
os.kill(pid, signal.SIGKILL)
wait_for(lambda: not alive(pid))
run("fusermount3", "-u", "-z", v.mnt)
v.mount()
for x in ("f", "late", "next"):
    t.is_(cert("k.cert", os.path.join(v.mnt, x), "--log").returncode, 0, "%s: after a crash as well" % x)
    t.is_(judge(os.path.join(v.mnt, x), path("k.cert"))["verdict"], "valid", "which is good")
t.ok(not os.path.exists(v.mnt + "/.notary/log/epoch/99") and not os.path.exists(v.mnt + "/.notary/log/epoch/01"),
     "no epoch that never was")
v.umount()
t.done()
