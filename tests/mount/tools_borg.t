#!/usr/bin/python3
"""borg in a vault, preset borg: killed in the middle and gone on, compact, and
the repository out of three buckets; borg-strict, and where it stops."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import toolkit as tools

s = tools.Scene()
if not s.needs("borg", "borgbackup"):
    s.done()
s.env.update(BORG_PASSPHRASE="secret", BORG_BASE_DIR=s.v.dir + "/borg", BORG_RELOCATED_REPO_ACCESS_IS_OK="yes",
             BORG_CHECK_I_KNOW_WHAT_I_AM_DOING="YES")
EXTRACT = "rm -rf $TMP/back; mkdir $TMP/back; cd $TMP/back && borg extract %s::%s"


def segments(repo):
    return {n: os.path.getsize(os.path.join(d, n)) for d, _, names in os.walk(repo + "/data") for n in names}


def killed(repo):
    """A backup killed when it has written some of its data; what it wrote is sealed."""
    old = segments(repo)
    p = subprocess.Popen(["borg", "create", repo + "::killed", "-"], env=s.env, stdin=subprocess.PIPE,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    p.stdin.write(os.urandom(24 << 20))
    p.stdin.flush()
    under_way = tools.kit.wait_for(lambda: any(size > 1 << 20 for n, size in segments(repo).items() if n not in old))
    p.kill()
    s.tap.ok(under_way and p.wait() == -9, "a backup is killed in the middle")
    s.seal()
    return [n for n in segments(repo) if n not in old]


# -- preset borg
repo = s.folder("borg", "borg") + "/repo"
s.ok("borg init -e repokey $M/borg/repo", "init")
s.ok("borg create $M/borg/repo::one src", "create", "")
s.seal()
s.tap.is_({s.of("borg/repo/" + n, "class") for n in os.listdir(repo) if n.split(".")[0] in ("hints", "index", "integrity")},
          {"scratch"}, "what borg can make again is not kept")
s.ok("echo more >>src/report; borg create $M/borg/repo::two src", "a second backup, all before it sealed", "")
s.seal()
s.ok("borg check --verify-data $M/borg/repo", "check")
left = killed(repo)
s.tap.is_({s.of("borg/repo/data/0/" + n) for n in left} <= {"sealed", "notarized"}, True, "what it wrote is sealed")
s.ok("borg create $M/borg/repo::three src", "the next backup takes its place")
s.seal()
s.ok("borg delete $M/borg/repo::one && borg compact $M/borg/repo", "delete and compact")
s.seal()
s.ok("borg check --verify-data $M/borg/repo", "check")
s.ok(EXTRACT % ("$M/borg/repo", "three"), "extract", "")
s.same(s.src, s.v.dir + "/back/src", "gives back what was saved")
s.tap.is_([n for n in os.listdir(repo) if n.startswith("lock") or n.endswith((".tmp", ".old"))], [], "no lock is left")

# -- preset borg-strict: not even borg takes back what it wrote
strict = s.folder("strict", "borg-strict") + "/repo"
s.ok("borg init -e repokey $M/strict/repo", "borg-strict: init")
s.ok("borg create $M/strict/repo::one src", "create", "")
s.seal()
s.ok("borg create $M/strict/repo::two src", "a second backup", "")
s.seal()
s.refused("borg delete $M/strict/repo::one && borg compact --threshold 0 $M/strict/repo", "Operation not permitted", "compact is refused", 2)
s.ok("borg check $M/strict/repo", "and does no harm")
s.seal()
left = killed(strict)
s.refused("borg create $M/strict/repo::three src", "data/0/" + left[0], "after a crash the next backup is refused", 2)

out = s.restored()
s.env["OUT"] = out
s.ok("borg check $OUT/borg/repo", "borg finds nothing wrong in what three buckets give")
s.ok(EXTRACT % ("$OUT/borg/repo", "three"), "and extracts from it")
s.same(s.src, s.v.dir + "/back/src", "what was saved")
s.done()
