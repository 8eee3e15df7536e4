#!/usr/bin/python3
"""cli: usage, exit codes and what wrong input is told.  Needs no mount."""
import json
import os
import re
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import *  # noqa: E402,F403

tap = Tap()
if not os.access(NOTARYFS, os.X_OK):
    skip_all("no %s: build first" % NOTARYFS)
work = tempfile.mkdtemp(prefix="notaryfs-cli-")
MAN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../fs/notaryfs.1")


def tool(*argv, **kw):
    p = run(NOTARYFS, *argv, **kw)
    p.out = p.stdout.decode("utf-8", "replace")
    p.err = p.stderr.decode("utf-8", "replace")
    return p


def refused(argv, code, said, what, **kw):
    p = tool(*argv, **kw)
    if not tap.ok(p.returncode == code and said in p.err, what):
        tap.diag("exit %d: %s" % (p.returncode, p.err))


def fresh(name):
    """A copy of the vault to spoil; what is immutable becomes ordinary."""
    path = os.path.join(work, name)
    run("cp", "-a", vault, path, check=True)
    return path


def append(path, text):
    with open(path, "a") as f:
        f.write(text)


def commands():
    """As --help lists them."""
    return re.findall(r"^  ([a-z]+) ", tool("--help").out, re.M)


def synopsis():
    """Of every command the options that notaryfs(1) names."""
    with open(MAN) as f:
        text = f.read().split(".Sh SYNOPSIS\n")[1].split(".Sh")[0]
    out = {}
    for one in text.split(".Nm\n")[1:]:
        name = re.match(r"\.Cm (\S+)", one).group(1)
        out.setdefault(name, set()).update("-" + x for x in re.findall(r"\bFl (\S+)", one))
    return out


def options(name):
    """Those that have a line in its help, by their longest names; -h is everybody's, -r is --recursive."""
    out = set()
    for short, long in re.findall(r"^ +(?:(-[a-z])(?:, )?)?(?: *(--[a-z-]+))?\b.* ", tool(name, "--help").out, re.M):
        if short != "-h" and (short or long):
            out.add(short if short == "-r" or not long else long)
    return out - {"--help"}


COMMANDS = commands()
try:
    # -- in step with the manual
    manual = synopsis()
    tap.is_(sorted(manual), sorted(COMMANDS), "--help and notaryfs(1) have the same commands")
    for c in COMMANDS:
        tap.is_(sorted(options(c)), sorted(manual.get(c, ())), c + ": --help and notaryfs(1) have the same options")

    # -- usage
    p = tool("--help")
    tap.ok(p.returncode == 0 and all(c in p.out for c in COMMANDS), "--help lists the commands")
    p = tool("polish")
    tap.ok(p.returncode == 64 and all(c in p.err for c in COMMANDS), "an unknown command: 64 and the list")
    tap.is_(tool().returncode, 64, "no command: 64")
    for c in COMMANDS:
        p = tool(c, "--help")
        tap.ok(p.returncode == 0 and p.out.startswith("usage: notaryfs " + c) and not p.err, c + " --help")
        refused([c, "--nonsense"], 64, "no such option: --nonsense", c + " --nonsense: 64")
        refused([c], 64, "usage: notaryfs " + c, c + " without operands: 64")
        q = tool("help", c)
        tap.ok(q.returncode == 0 and q.out == tool(c, "--help").out, "help " + c + " is the same")
    tap.is_(tool("help").out, tool("--help").out, "help alone lists the commands")
    refused(["help", "scrap"], 64, "there is no command scrap; did you mean scrub?", "help for what is not there")
    refused(["moutn"], 64, "there is no command moutn; did you mean mount?", "the nearest command is named")
    refused(["xyzzy"], 64, "there is no command xyzzy\n", "where there is one")
    p = tool("--version")
    tap.ok(p.returncode == 0 and p.out.split()[0] == "notaryfs" and len(p.out.split()) == 2, "--version")
    refused(["init", "--setle", "2s", "x"], 64, "no such option: --setle; did you mean --settle?",
            "the nearest option is named")
    refused(["status", "--jsno=3"], 64, "no such option: --jsno; did you mean --json?", "without its value")
    refused(["status", "--json=3", "x"], 64, "--json takes no value", "a value that is not wanted")
    refused(["seal", "-rx", "/"], 64, "no such option: -x", "an unknown letter in a bundle")
    refused(["init", "--settle"], 64, "needs a value", "an option without its value")
    refused(["init", work + "/x", "--settle", "0.1s"], 64, "at least 0.5s", "too short a settle time")
    refused(["init", work + "/x", "--shares", "4/3"], 64, "1 <= K <= N", "more shares needed than there are")
    refused(["init", work + "/x", "--retention", "some"], 64, "none, governance or compliance", "a mode unknown")
    refused(["init", work + "/x", "--governance-key", work + "/k"], 64, "no such key", "a key that has nothing to say")
    refused(["init", work + "/x", "--bucket", work + "/b"], 64, "1 buckets are named for 3/6",
            "a bucket for each share")
    refused(["status", work, "--json", "--metrics"], 64, "one of --json and --metrics", "two forms of one status")
    refused(["wait", "/", "--timeout", "soon"], 64, "like 60s", "a time that is none")
    refused(["restore", work + "/x", work], 64, "--anchor is needed", "restore without anchor")
    refused(["restore", "--anchor", "12", work + "/x", work], 64, "64 hex digits", "an anchor that is none")
    for command in ("audit", "restore"):
        refused([command, "--anchor", "0" * 64, "--anchor", "1" * 64, work + "/x", work], 64, "given twice", command + ": two anchors")
    refused(["restore", "--history", work + "/y", "--history", work + "/z", work + "/x", work], 64, "given twice", "two folders for the past")
    tap.ok(not os.path.exists(work + "/x"), "wrong usage makes nothing")

    # -- init
    vault = work + "/vault"
    p = tool("init", vault)
    anchor = open(vault + "/anchor").read()
    tap.ok(p.returncode == 0 and len(anchor) == 65 and anchor.strip() in p.out, "init prints the anchor")
    tap.ok("notaryfs mount " + vault in p.out and "somewhere else" in p.out, "and how to go on")
    tap.is_(sorted(os.listdir(vault)), ["anchor", "buckets", "files", "notaryfs.conf", "state"], "what a vault holds")
    tap.is_(sorted(os.listdir(vault + "/buckets")), list("012345"), "six buckets")
    with open(vault + "/state/genesis", "rb") as f:
        tap.ok(b"\x83gsha-256gsha-512hsha3-512" in f.read(), "block zero allows renewals under SHA-512 and SHA3-512")
    loose = [os.path.join(d, n) for d, dirs, names in os.walk(vault + "/state") for n in names
             if os.lstat(os.path.join(d, n)).st_mode & 0o077 and n != "genesis"
             and not n.startswith("notary.db")]
    tap.is_(loose, [], "nobody else may read the keys")
    refused(["init", vault], 1, "holds a vault already", "no vault over a vault")
    os.makedirs(work + "/full/x")
    refused(["init", work + "/full"], 1, "is not empty", "no vault in a folder with something in it")
    os.makedirs(work + "/cut/state")
    refused(["init", work + "/cut"], 1, "cut off", "what an init that was cut off left")
    refused(["mount", work + "/cut", work + "/full"], 1, "cut off", "is no vault to be mounted")
    refused(["init", work + "/no/such/place"], 1, "No such file", "a place that is not there")
    p = tool("init", work + "/two", "--shares", "1/2", "--bucket", work + "/b0", "--bucket", work + "/b1",
             "--settle", "2h", "--json")
    tap.ok(p.returncode == 0 and len(json.loads(p.out)["anchor"]) == 64, "init --json with buckets elsewhere")
    p = tool("status", work + "/two", "--json")
    tap.is_([b["name"] for b in json.loads(p.out)["buckets"]], [work + "/b0", work + "/b1"], "they are used")
    p = tool("init", work + "/kept", "--retention", "governance", "--governance-key", work + "/gov")
    st = os.stat(work + "/gov") if p.returncode == 0 else None
    tap.ok(st and st.st_mode & 0o777 == 0o600 and "governance key is " + work + "/gov" in p.out,
           "a vault with governance: the key is the owner's, and where it is is said")
    refused(["init", work + "/kept2", "--retention", "compliance", "--governance-key", work + "/gov"], 1,
            "File exists", "a key is never overwritten")
    refused(["init", work + "/dup", "--shares", "1/2", "--bucket", work + "/d", "--bucket", work + "/d/../d"],
            1, "named twice", "one folder for two shares")
    for bad in ("a #1", "a ", "a\nb"):
        refused(["init", work + "/odd", "--shares", "1/1", "--bucket", work + "/" + bad], 1, "notaryfs.conf cannot name",
                "a bucket that the configuration could not name: %r" % bad)
        tap.ok(not os.path.exists(work + "/odd") and not os.path.exists(work + "/" + bad), "nothing is left of it")
    p = run(NOTARYFS, "init", work + "/odd", "--shares", "1/1", "--bucket", work + "/C# 1,x'%")
    tap.is_((p.returncode, run(NOTARYFS, "status", work + "/odd").returncode), (0, 0), "but for others")

    # -- looking at a vault
    p = tool("status", vault, "--json")
    s = json.loads(p.out)
    tap.is_(sorted(s["files"]), sorted("open settling frozen sealed notarized temp scratch".split()),
            "status: files by state")
    tap.ok({"height", "blocks", "backlog", "services", "buckets", "trust", "anchor"} <= set(s) and
           set(s["backlog"]) == {"files", "bytes", "oldest_s"}, "status: the other keys")
    tap.is_((s["mounted"], s["anchor"], s["trust"]), (False, anchor.strip(), "local software"), "status: values")
    tap.is_(s["isolation"], None, "what a mount's sequencer is kept in is no trust class")
    tap.is_(tool("anchor", vault).out, anchor, "anchor")
    p = tool("audit", vault)
    tap.ok(p.returncode == 0 and "all is well" in p.out, "audit of an empty vault")
    p = tool("restore", "--anchor", vault + "/anchor", work + "/out", *[vault + "/buckets/%d" % i for i in (0, 2, 5)])
    tap.ok(p.returncode == 0 and os.listdir(work + "/out") == [], "restore of an empty vault")

    # -- output that cannot be written
    for c in ["status", vault], ["status", vault, "--metrics"], ["anchor", vault], ["help"], ["help", "mount"], ["--version"]:
        with open("/dev/full", "w") as full:
            p = subprocess.run([NOTARYFS] + c, stdout=full, stderr=subprocess.PIPE)
        tap.ok(p.returncode == 1 and b"standard output could not be written" in p.stderr, " ".join(c[:1] + c[2:]) + " to a full disk")
    with open("/dev/full", "w") as full:
        p = subprocess.run([NOTARYFS, "init", work + "/unsaid"], stdout=full, stderr=subprocess.PIPE)
    tap.ok(p.returncode == 1 and b"the vault is made all the same" in p.stderr, "init to a full disk says that there is a vault")
    with open("/dev/full", "w") as full:
        p = subprocess.run([VERIFY, "--help"], stdout=full, stderr=subprocess.PIPE)
    tap.ok(p.returncode == 2 and b"standard output" in p.stderr, "and notary-verify --help")

    # -- the key without which nothing can go on
    for how, word in ("gone", "is gone"), ("half", "is damaged"), ("another", "is damaged"):
        spoilt = fresh("root-" + how)
        pem = spoilt + "/state/sequencer/attestor-root.pem"
        if how == "gone":
            os.unlink(pem)
        elif how == "half":
            os.truncate(pem, 300)
        else:
            tool("init", work + "/other")
            shutil.copy(work + "/other/state/sequencer/attestor-root.pem", pem)
        p = tool("check", spoilt)
        tap.ok(p.returncode == 1 and re.search("FAILED +sequencer: .*attestor-root.pem " + word, p.out), "check: attestor-root.pem: " + how)

    # -- an anchor that was taken away, not copied
    spoilt = fresh("moved")
    os.unlink(spoilt + "/anchor")
    refused(["mount", spoilt, work + "/empty"], 1, "echo %s > %s/anchor" % (anchor.strip(), spoilt), "mount says how to put it back")
    refused(["anchor", spoilt], 1, "its anchor is gone", "anchor that it is not there")
    refused(["mount", spoilt, work + "/empty"], 1, "if its making was cut off", "or, while nothing was in it, that it may be unfinished")
    refused(["init", spoilt], 1, "put it back, or delete the folder", "and so does init")
    open(spoilt + "/files/one", "w").close()
    p = tool("mount", spoilt, work + "/empty")
    tap.ok(p.returncode == 1 and "anchor is gone" in p.err and "delete" not in p.err, "no vault with a file is to be deleted")
    p = tool("init", spoilt)
    tap.ok(p.returncode == 1 and "anchor is gone" in p.err and "delete" not in p.err, "nor does init have it deleted")
    os.unlink(spoilt + "/files/one")
    os.unlink(spoilt + "/state/genesis")
    with open(spoilt + "/files/precious", "w") as f:
        f.write("x")
    refused(["status", spoilt], 1, "put both back from copies", "whatever else is gone")

    # -- wrong places
    for c in "wait seal cert verify".split():
        refused([c, vault + "/anchor"], 1, "is not in a mounted vault", c + " outside a mount")
    refused(["umount", vault], 1, "no vault is mounted there", "umount of what is not mounted")
    refused(["status", work], 1, "neither a vault nor", "status of neither")
    refused(["anchor", work], 1, "neither a vault nor", "anchor of neither")
    refused(["mount", work, work], 1, "is not a vault", "mount of no vault")
    refused(["mount", vault, work + "/none"], 1, "No such file", "mount onto nothing")
    refused(["mount", vault, vault + "/anchor"], 1, "not a folder", "mount onto a file")
    refused(["mount", vault, vault + "/files"], 1, "lie in one another", "mount inside the vault")
    refused(["mount", vault, work], 1, "lie in one another", "mount over the vault")
    refused(["mount", vault, work + "/full", "-o", "settle=1"], 64, "must be a time", "a bad setting on the command line")

    # -- a vault that was spoiled
    v = fresh("conf")
    append(v + "/notaryfs.conf", "settle = 1\nsetle = 2s\nimmutable = maybe\n")
    p = tool("mount", v, work + "/full")
    lines = [x for x in p.err.splitlines() if "notaryfs.conf:" in x]
    tap.ok(p.returncode == 1 and len(lines) == 3, "every mistake in the configuration is listed")
    tap.ok("setle: no such setting; did you mean settle?" in p.err, "the nearest setting is named")
    tap.ok(all(x.split("notaryfs.conf:")[1].split(":")[0].isdigit() for x in lines), "with its line")
    v = fresh("missing")
    for i in (0, 3):
        drop(v + "/buckets/%d" % i)
    refused(["mount", "--moved", v, work + "/full"], 1, "only 4 of 6 buckets can be used and 5 are needed", "two buckets away")
    v = fresh("anchor")
    os.remove(v + "/anchor")
    with open(v + "/anchor", "w") as f:
        f.write("0" * 64 + "\n")
    refused(["mount", v, work + "/full"], 1, "does not belong to the anchor", "another anchor")
    with open(v + "/anchor", "w") as f:
        f.write("hello\n")
    refused(["mount", v, work + "/full"], 1, "is damaged: put it back", "a damaged anchor")
    v = fresh("db")
    with open(v + "/state/notary.db", "w") as f:
        f.write("not a database")
    refused(["mount", v, work + "/full"], 1, "notary.db", "a damaged state")
    v = fresh("key")
    os.chmod(v + "/state/keys/timestamp", 0o644)
    refused(["mount", "--moved", v, work + "/full"], 1, "keys/timestamp", "a key that others may read")
    if os.geteuid() != 0:
        os.chmod(v + "/state", 0o500)
        refused(["mount", "--moved", v, work + "/full"], 1, "Permission denied", "a state folder that cannot be written")
        os.chmod(v + "/state", 0o700)

    # -- the programs it needs
    os.makedirs(work + "/bin")
    shutil.copy(NOTARYFS, work + "/bin/notaryfs")
    p = run(work + "/bin/notaryfs", "init", work + "/alone")
    tap.ok(p.returncode == 1 and b"the program notaryfs-attestor is missing" in p.stderr and
           not os.path.exists(work + "/alone"), "without the attestor's program nothing is begun")
    os.makedirs(work + "/libexec/notaryfs")
    for n in ("notaryfs-attestor", "notaryfs-enclave"):
        shutil.copy(os.path.join(BUILD, n), work + "/libexec/notaryfs/" + n)
    p = run(work + "/bin/notaryfs", "init", work + "/alone")
    tap.is_(p.returncode, 0, "they are found in ../libexec/notaryfs too")
finally:
    drop(work)
tap.done()
