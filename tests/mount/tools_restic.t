#!/usr/bin/python3
"""restic in a vault: a repository that only grows, a backup killed in the
middle, and the repository out of three buckets."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import toolkit as tools

s = tools.Scene()
if not s.needs("restic", "restic"):
    s.done()
s.env["RESTIC_PASSWORD"] = "secret"
repo = s.folder("restic", "restic") + "/repo"
R = "restic -r $M/restic/repo "

s.ok(R + "-q init", "init")
s.ok(R + "-q backup src", "backup")
s.seal()
s.tap.is_(os.listdir(repo + "/locks"), [], "no lock stays")
s.ok("echo more >>$SRC/letters/2026/01.txt; " + R + "-q backup src", "a second backup, all before it sealed")
s.ok(R + "-q check --read-data", "check", "")

# -- killed in the middle: every name has its whole content, or is a temporary one
with open(s.src + "/big", "wb") as f:
    f.write(os.urandom(32 << 20))


def packs():
    return {n for _, _, names in os.walk(repo + "/data") for n in names}


before = packs()
p = subprocess.Popen(["restic", "-q", "-r", repo, "--limit-upload", "4096", "backup", "src"], env=s.env, cwd=s.v.dir,
                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
s.tap.ok(tools.kit.wait_for(lambda: {n for n in packs() - before if "-tmp-" not in n} and os.listdir(repo + "/locks")),
         "a backup is under way")
p.kill()
s.tap.is_(p.wait(), -9, "and is killed")
s.seal()
s.tap.is_({s.of("restic/repo/locks/" + n) for n in os.listdir(repo + "/locks")}, {"scratch"}, "its lock is left, unsealed")
s.ok(R + "-q backup src", "the next backup goes on over it")
s.ok(R + "-q unlock", "unlock")
s.tap.is_(os.listdir(repo + "/locks"), [], "removes the lock")
s.ok(R + "-q check", "check")
s.tap.is_({s.of("restic/repo/data/" + n[:2] + "/" + n) for n in packs() if "-tmp-" in n} - {"temp"}, set(),
          "what it was writing keeps a temporary name")
s.ok("find $M/restic/repo/data -name '*-tmp-*' -delete", "and can be removed")

# -- the repository is the same out of three buckets
s.env["OUT"] = out = s.restored()
s.ok("restic -q -r $OUT/restic/repo restore latest --no-lock --target $TMP/back", "restic restores from it")
s.same(s.src, s.v.dir + "/back/src", "what was saved")
s.done()
