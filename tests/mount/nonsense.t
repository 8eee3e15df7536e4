#!/usr/bin/python3
"""nonsense: every command, given what it cannot take, says so in one line that
moves no terminal's cursor, with its exit code, and nothing comes to harm."""
import os
import re
import socket
import stat
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import *  # noqa: E402,F403

need_fuse()
tap = Tap()
v = Vault(settle="500ms")
v.mount()
m = v.mnt
ODD = [b"two\nlines", b"\xff\xfe", b"\x1b[31mred\x07", b"back\\slash", b"c1\xc2\x9b31m"]


def write(path, text="x\n"):
    with open(path, "w") as f:
        f.write(text)


def tool(*argv):
    p = run(NOTARYFS, *argv)
    return p.returncode, p.stdout, p.stderr


def clean(said):
    """Lines of ours only, each of one piece, nothing for a terminal."""
    lines = said.decode("utf-8", "surrogateescape").split("\n")
    return lines[-1] == "" and all(re.match(r"notaryfs(?: [a-z]+)?: |usage: ", x) for x in lines[:-1]) and \
        not re.search(r"[\x00-\x09\x0b-\x1f\x7f\x80-\x9f]", said.decode("utf-8", "replace"))


# -- each command and each kind of operand
plain = os.path.join(v.dir, "plain")
write(plain)
write(m + "/f")
os.mkdir(m + "/folder")
os.mkfifo(v.dir + "/fifo")
sock = socket.socket(socket.AF_UNIX)
sock.bind(v.dir + "/socket")
KINDS = {"nothing there": v.dir + "/none", "a file": plain, "nothing": "", "another file system": "/proc",
         "a device": "/dev/null", "a fifo": v.dir + "/fifo", "a socket": v.dir + "/socket",
         "a name of 5,000 bytes": "x" * 5000, "4,096 in parts": "/".join(["d" * 200] * 21), "--": "--",
         **{"a name %r" % n: os.fsencode(v.dir) + b"/" + n for n in ODD}}
MORE = {"delete": ["--reason", "r"], "comply": ["--yes", "--reason", "r"], "retain": ["--for", "1y"], "hold": ["--case", "c"]}
commands = re.findall(r"^  ([a-z]+) ", run(NOTARYFS, "--help").stdout.decode(), re.M)
for c in commands:
    bad = []
    for kind, path in KINDS.items():
        argv = [c, *MORE.get(c, []), "--", path]
        if c in ("mount", "export", "restore"):
            argv = {"mount": ["mount", "--", path, v.dir + "/socket"], "export": ["export", "--", path, plain + "/x"],
                    "restore": ["restore", "--anchor", v.anchor, "--", plain + "/x", path]}[c]
        elif c == "init":
            argv = ["init", "--", v.path if path == "--" else path and os.fsencode(path) + b"/x"]
        code, out, err = tool(*argv)
        if code not in (1, 2) or not err or not clean(err):
            bad.append((kind, code, err[:200]))
    tap.is_(bad, [], c + ": whatever it is given")
tap.is_((sorted(os.listdir(v.dir)), open(plain).read(), sorted(os.listdir(m))),
        (sorted(["vault", "mnt", "plain", "fifo", "socket"]), "x\n", ["f", "folder"]), "and nothing is made or changed")

# -- no vault, and nothing left of one
for what, words, argv in (
        ("a bucket that is a file", "plain", ["--shares", "1/2", "--bucket", v.dir + "/b0", "--bucket", plain]),
        ("one below a file", "plain", ["--shares", "1/2", "--bucket", v.dir + "/b0", "--bucket", plain + "/b1"]),
        ("a key that is there", "File exists", ["--retention", "governance", "--governance-key", plain]),
        ("one where none can be", "No such file", ["--retention", "governance", "--governance-key", v.dir + "/none/key"])):
    code, out, err = tool("init", v.dir + "/new", *argv)
    tap.ok(code == 1 and words in err.decode() and clean(err) and not os.path.lexists(v.dir + "/new") and
           not os.path.lexists(v.dir + "/b0"), "init with %s: %s" % (what, err.decode().strip()))
os.mkdir(v.dir + "/empty")
code, out, err = tool("init", v.dir + "/empty", *["--bucket=%s" % (plain if i == 5 else v.dir + "/empty/b%d" % i) for i in range(6)])
tap.is_((code, os.listdir(v.dir + "/empty")), (1, []), "an empty folder is empty again")
os.rmdir(v.dir + "/empty")
for where in (m + "/inner", m + "/folder/inner", v.path + "/inner", v.path + "/buckets/0/inner", v.path + "/files/inner"):
    code, out, err = tool("init", where)
    tap.ok(code == 1 and b"name a folder outside" in err and not os.path.exists(where), "a vault has no place in " + where)

# -- what is never sealed is not passed over in silence
os.mkfifo(m + "/fifo")
for name, words in (("folder", b"a folder: seal -r"), ("fifo", b"never sealed")):
    code, out, err = tool("seal", m + "/" + name)
    tap.ok(code == 2 and words in err, "seal of a %s: %s" % (name, err.decode().strip()))
os.unlink(m + "/fifo")

# -- odd names inside
for n in ODD:
    with open(os.fsencode(m) + b"/" + n, "wb") as f:
        f.write(n)
    with open(os.fsencode(m) + b"/" + n + b".part", "wb") as f:
        f.write(n)
code, out, err = tool("seal", "-r", m)
tap.is_((code, err), (0, b""), "odd names are sealed")
tap.is_([tool("wait", os.fsencode(m) + b"/" + n, "--timeout", "300s")[0] for n in ODD], [0] * len(ODD), "and final")
for c in (["wait", *[os.fsencode(m) + b"/" + n + b".part" for n in ODD]], ["verify", m], ["export", m, v.dir + "/exported"]):
    code, out, err = tool(*c)
    if not tap.ok(code == 2 and err.count(b"\n") >= len(ODD) and clean(err) and b"two\\x0alines.part" in err,
                  c[0] + " names them each in one line"):
        tap.diag("exit %d: %r" % (code, err))
for c, lines in ("rules", 4), ("retain", 1), ("hold", 1), ("hold --case=x", None):
    code, out, err = tool(*c.split(), *[os.fsencode(m) + b"/" + n for n in ODD])
    tap.ok(code == 0 and lines in (None, out.count(b"\n") / len(ODD)) and not re.search(r"[\x00-\x09\x0b-\x1f\x7f\x80-\x9f]", out.decode("utf-8", "replace")),
           c + " prints each of them in its lines, nothing for a terminal") or tap.diag(out)
code, out, err = tool("verify", os.fsencode(m) + b"/" + ODD[0])
tap.is_(code, 0, "and finds what is behind them")
v.umount()
tap.done()
