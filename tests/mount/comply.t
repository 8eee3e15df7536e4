#!/usr/bin/python3
"""A vault of mode governance becomes one of mode compliance, once and for ever,
whatever is cut off meanwhile; and everybody who asks for the mode is told."""
import json
import os
import pty
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import vaultkit as kit

kit.need_fuse()
tap = kit.Tap()
FAULTY = os.path.join(kit.BUILD, "tests/faulty/notaryfs")


def tool(*argv, program=kit.NOTARYFS, **kw):
    p = kit.run(program, *argv, stdin=subprocess.DEVNULL, **kw)
    p.said = (p.stdout + p.stderr).decode("utf-8", "replace")
    return p


def says(p, code, words, what):
    if not tap.ok(p.returncode == code and words in p.said, what):
        tap.diag("exit %d: %s" % (p.returncode, p.said))


def new_vault(mode):
    v = kit.Vault(init=False)
    tool("init", v.path, "--settle", "500ms", "--retention", mode, check=True)
    with open(v.path + "/anchor") as f:
        v.anchor = f.read().strip()
    v.mount()
    return v


def typed(v, *answers):
    """comply on a terminal of its own, and what is typed there."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(kit.NOTARYFS, ["notaryfs", "comply", "--reason", "r", v.mnt])
    said = b""
    for a in answers:
        while not said.rstrip().endswith(b":"):
            said += os.read(fd, 4096)
        os.write(fd, a.encode() + b"\n")
        said += a.encode() + b"\n"
    try:
        while True:
            said += os.read(fd, 4096)
    except OSError:
        pass
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode()


def modes(v):
    """As the daemon, the rules and ctl have it."""
    fd = os.open(v.mnt + "/.notary/ctl", os.O_RDWR)
    os.write(fd, b"mode\n")
    got = os.read(fd, 100).decode().strip()
    os.close(fd)
    rules = json.loads(tool("rules", "--json", v.mnt + "/x", check=True).stdout)["retention"]
    return {got, rules, v.status()["retention"], json.loads(tool("status", "--json", v.path).stdout)["retention"]}


def file(v, name):
    with open(os.path.join(v.mnt, name), "w") as f:
        f.write(name)
    tool("wait", v.mnt, "--timeout", "300s", check=True)
    return os.path.join(v.mnt, name)


def delete(v, path):
    return tool("delete", "--reason", "r", "--key", key, path)


v = new_vault("governance")
key = v.dir + "/key"
shutil.copy2(v.path + "/governance.key", key)
for name in ("a", "b", "c"):
    file(v, name)
tap.is_(modes(v), {"governance"}, "before: governance")
says(tool("comply", v.mnt), 64, "--reason is needed", "a reason is needed")
says(tool("comply", "--reason", "r", v.mnt), 64, "--yes is needed", "where nobody can be asked, --yes is")
says(tool("comply", "--yes", "--reason", "r", v.dir), 1, "neither a mounted vault nor in one", "and a mounted vault")
kit.run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", v.dir + "/other",
        check=True)
says(tool("comply", "--yes", "--reason", "r", "--key", v.dir + "/other", v.mnt), 1, "not by a governance key",
     "and its governance key")
code, said = typed(v, "yes")
tap.ok(code == 1 and "nothing was changed" in said, "the wrong word changes nothing")
code, said = typed(v, "compliance", "00000000")
tap.ok(code == 1 and "nothing was changed" in said, "nor does another vault's anchor")
tap.is_(modes(v), {"governance"}, "all that changed nothing")
says(delete(v, v.mnt + "/a"), 0, "deleted", "orders are carried out")
v.umount()
says(tool("comply", "--yes", "--reason", "r", v.path), 1, "mount it first", "not while it is not mounted")

# -- cut off
for point, want in (("comply.begin", "governance"), ("comply.queued", "compliance")):
    p = tool("mount", v.path, v.mnt, program=FAULTY, env=dict(os.environ, NOTARYFS_FAULT="%s:1:%s/mark" % (point, v.dir)), check=True)
    pid = v.pid()
    p = tool("comply", "--yes", "--reason", "r", "--key", key, v.mnt)
    tap.ok(p.returncode != 0 and kit.wait_for(lambda: not kit.alive(pid)), "it dies at " + point)
    v.mount()
    tap.is_(modes(v), {want}, "and the vault is of mode " + want)
    p = delete(v, v.mnt + "/b")
    if want == "governance":
        says(p, 0, "deleted", "as is seen")
    tool("wait", v.mnt, "--timeout", "300s", check=True)
    v.umount()
    tap.is_(json.loads(tool("status", "--json", v.path).stdout)["retention"], want, "which the state alone says too")
    a = json.loads(tool("audit", "--json", v.path).stdout)
    tap.is_((a["result"], a["retention"]), ("clean", want), "and the buckets")
    if point == "comply.begin":
        v.mount()
        file(v, "b")
        v.umount("--final")
says(p, 1, "mode compliance: nobody deletes", "with the key nothing is deleted any more")

# -- for ever
v.mount()
tap.ok(os.path.exists(v.mnt + "/b"), "what was to be deleted is there")
says(tool("comply", "--yes", "--reason", "r", v.mnt), 0, "already", "once more changes nothing")
says(tool("hold", "--case", "C", v.mnt + "/c"), 0, "held", "holds are placed")
says(tool("hold", "--case", "C", "--release", "--key", key, v.mnt + "/c"), 0, "released", "and released by the key")
says(tool("status", v.mnt), 0, "retention  compliance", "status says it in words")
pid = v.pid()
os.kill(pid, signal.SIGKILL)
kit.wait_for(lambda: not kit.alive(pid))
v.mount()
tap.is_(modes(v), {"compliance"}, "a crash changes nothing")
v.umount("--final")
says(tool("audit", "--anchor", v.anchor, *v.buckets()[3:]), 0, "retention  compliance", "the buckets alone say it")
says(tool("restore", "--anchor", v.anchor, v.dir + "/out", *v.buckets()[:3]), 0, "", "three of them restore")
tap.is_(sorted(x for x in os.listdir(v.dir + "/out") if x != ".certs"), ["b", "c"], "what is there")

# -- a terminal
w = new_vault("governance")
code, said = typed(w, "compliance", w.anchor[:8])
if not tap.ok(code == 0 and "from now on" in said, "asked twice and answered"):
    tap.diag(said)
tap.is_(modes(w), {"compliance"}, "it is done")
w.umount()
w = new_vault("none")
says(tool("comply", "--yes", "--reason", "r", w.mnt), 1, "nothing in it is ever deleted", "a vault without retention")
w.umount()
w = new_vault("compliance")
says(tool("comply", "--yes", "--reason", "r", w.mnt), 0, "already", "one that was made so")
w.umount()
tap.done()
