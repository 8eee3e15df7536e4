#!/usr/bin/python3
"""A path that is too long for one system call, below a mount: every command
that takes a whole tree takes it too, or names it, and all that lies behind it."""
import errno
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import vaultkit as kit

kit.need_fuse()
tap = kit.Tap()
v = kit.Vault(settle="1h", init=False)     # nothing is sealed unless it is asked for
key = v.dir + "/g.key"
kit.run(kit.NOTARYFS, "init", v.path, "--settle", "1h", "--retention", "governance", "--governance-key", key, check=True)
v.mount()
m = v.mnt
FOLDERS = ["q" * 250] * 16
DEEP = "/".join(FOLDERS + ["f" * 60])
DEEPER = "/".join(FOLDERS + ["g" * 76])    # no room for what asks for its certificate
LINK = "/".join(FOLDERS + ["link"])


def deep_folder(top, make=False):
    fd = os.open(top, os.O_RDONLY)
    for name in FOLDERS:
        if make:
            os.mkdir(name, dir_fd=fd)
        below = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    return fd


def write(path, text, **kw):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, **kw)
    os.write(fd, text.encode())
    os.close(fd)


def does(code, words, *argv):
    p = kit.run(kit.NOTARYFS, *argv)
    if not tap.is_(p.returncode, code, words):
        tap.diag((p.stdout + p.stderr).decode())
    return p.stdout.decode(), p.stderr.decode()


names = ["a", "p/1", "q/1", "z", "z2/1"]
for name in names:
    os.makedirs(os.path.dirname(m + "/" + name), exist_ok=True)
    write(m + "/" + name, name)
fd = deep_folder(m, make=True)
write("f" * 60, "deep", dir_fd=fd)
write("g" * 76, "deeper", dir_fd=fd)
every = sorted(names + [DEEP, DEEPER])
tap.ok(len(m + "/" + DEEP) > 4096, "a path is longer than a system call takes")

out, err = does(2, "wait says what is not final", "wait", m, "--timeout", "1s")
for name, what in ((DEEP, "that path too"), ("z2/1", "and what lies behind it")):
    tap.ok("%s/%s: " % (m, name) in err, what)
does(0, "seal -r", "seal", "-r", m)
does(0, "wait until it is final", "wait", m, "--timeout", "300s")
out, err = does(1, "verify", "verify", m)
tap.is_(out, "6 valid, 1 refused, 0 without a certificate\n", "takes all")
tap.is_(err, "notaryfs verify: %s/%s: File name too long\n" % (m, DEEPER), "and names what it cannot ask for")
out = does(1, "as JSON", "verify", "--json", m)[0]
tap.is_(sorted(json.loads(x)["file"] for x in out.splitlines()), every, "each under its own name")
tap.is_(does(0, "retain -r", "retain", "-r", "--for", "1d", m)[0].split()[0], "7", "keeps all")
tap.is_(does(0, "hold -r", "hold", "-r", "--case", "C", m + "/")[0].split()[0], "7", "holds all")
got = json.loads(does(0, "their holds", "hold", "-r", "--json", m)[0])["files"]
tap.is_(sorted(x["path"] for x in got), sorted(m + "/" + x for x in every), "are listed by their names")
tap.ok(all(x["holds"] == ["C"] for x in got), "each has it")
tap.is_(does(0, "hold -r --release", "hold", "-r", "--case", "C", "--release", "--key", key, m)[0].split()[0], "7",
        "releases all")

certs = deep_folder(m + "/.notary/cert")
try:
    os.open("g" * 76, os.O_RDONLY, dir_fd=certs)
    why = 0
except OSError as e:
    why = e.errno
tap.is_(why, errno.ENAMETOOLONG, "asked for in steps, its certificate has too long a path as well")
os.close(certs)
os.symlink("f" * 60, "link", dir_fd=fd)
os.close(fd)
err = does(2, "wait", "wait", m, "--timeout", "1s")[1]
tap.ok("%s/%s: a symbolic link" % (m, LINK) in err, "names a link of such a path") or tap.diag(err)
does(0, "which is sealed", "seal", "-r", m)
does(0, "and final", "wait", m, "--timeout", "300s")
out, err = does(1, "renew -r", "renew", "-r", m)
tap.is_(out.split()[0], "7", "renews all but that one")
tap.is_(err, "notaryfs renew: %s/%s: File name too long\n" % (m, DEEPER), "which is named")

out, err = does(1, "export fails for what it cannot have", "export", m, v.dir + "/out")
tap.is_(err.count("\n"), 1, "one") or tap.diag(err)
tap.ok("%s is left out: " % (m + "/" + DEEPER) in err and "too long" in err, "which is named")
tap.ok(os.path.exists(v.dir + "/out/VERIFY.txt"), "the folder is finished")
fd = deep_folder(v.dir + "/out/files")
tap.is_(sorted(os.listdir(fd)), ["f" * 60, "link"], "the other deep ones are in it")
os.close(fd)
p = kit.run(kit.VERIFY, "--anchor", v.dir + "/out/anchor", "-r", v.dir + "/out/files",
            "--certs", v.dir + "/out/certificates")
tap.ok(p.returncode == 0 and b"6 valid, 0 refused, 0 incomplete" in p.stdout, "and verified") or \
    tap.diag((p.stdout + p.stderr).decode())
tap.done()
