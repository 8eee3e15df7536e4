#!/usr/bin/python3
"""rsync in a vault: again, --link-dest, --delay-updates, --inplace, killed in the
middle, and what it says of what is sealed."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import toolkit as tools

s = tools.Scene()
if not s.needs("rsync", "rsync"):
    s.done()


def temporary(path):
    return [n for _, _, names in os.walk(os.path.join(s.m, path)) for n in names if n.startswith(".")]


s.folder("plain")
s.folder("own", "rsync")
s.ok("rsync -aHAX $SRC/ $M/plain/one/", "rsync -aHAX", "")
s.same(s.src, s.m + "/plain/one", "copies all there is")
s.seal()
s.same(s.src, s.m + "/plain/one", "which sealing does not change")
s.ok("rsync -aHAXi $SRC/ $M/plain/one/", "a second run finds nothing to do", "")
s.ok("rsync -aHAXic $SRC/ $M/plain/one/", "by checksums too", "")
s.ok("rsync -aHAXi --delete $SRC/ $M/plain/one/", "nor is there anything to delete", "")

# -- changes, not of this second: rsync leaves a folder's time that it takes for the same
s.ok("cp -a $SRC $TMP/new; cd new; echo changed >report; rm letters/2026/03.txt; echo added >letters/added; chmod 600 tool; "
     "touch -d '2026-01-02 03:04:05.678' letters/added letters/2026 letters .", "some changes", "")
# rsync -H waits for ever for a link to what it could not rename (so it does where
# chattr +i refuses the rename), unless it knows all files before it begins.
s.refused("rsync -aHAX --no-inc-recursive $TMP/new/ $M/plain/one/", 'rename "' + s.m + '/plain/one/.report.', "replacing what is sealed is refused", 23)
s.refused("rsync -aHAX --no-inc-recursive --delete $TMP/new/ $M/plain/one/", "Operation not permitted (1)", "so is deleting", 23)
s.tap.is_(temporary("plain/one"), [], "no temporary file is left")
s.tap.is_(open(s.m + "/plain/one/report").read(), "report\n", "nothing sealed is changed")
s.tap.is_(open(s.m + "/plain/one/letters/added").read(), "added\n", "what was new is there")
s.refused("rsync -aHAX --no-inc-recursive --inplace $TMP/new/ $M/plain/one/", 'open "' + s.m + '/plain/one/report" failed: Operation not permitted',
          "--inplace on what is sealed is refused", 23)
s.ok("rsync -aHAX --ignore-existing $TMP/new/ $M/plain/one/", "--ignore-existing passes over it", "")
s.ok("rsync -aHAX --link-dest=$M/plain/one $TMP/new/ $M/plain/two/", "--link-dest to what is sealed", "")
s.same(s.v.dir + "/new", s.m + "/plain/two", "gives the new state")
s.tap.ok(os.path.samefile(s.m + "/plain/one/noise", s.m + "/plain/two/noise"), "with links to what is the same")
s.ok("rsync -aHAX --inplace $SRC/ $M/plain/inplace/", "--inplace for new files", "")
s.same(s.src, s.m + "/plain/inplace", "copies them")
s.ok("rsync -aHAX --delay-updates $SRC/ $M/own/delayed/", "--delay-updates", "")
s.same(s.src, s.m + "/own/delayed", "copies all, and leaves no folder of its own")
s.ok("rsync -aHAXS --preallocate --fsync $SRC/ $M/own/sparse/", "-S --preallocate --fsync", "")
s.same(s.src, s.m + "/own/sparse", "copies all")
s.ok("rsync -aHAX --backup --suffix=.old $SRC/ $M/own/backup/", "--backup into a new folder", "")
s.seal()

# -- killed in the middle
with open(s.src + "/big", "wb") as f:
    f.write(os.urandom(16 << 20))
p = subprocess.Popen(["rsync", "-a", "--bwlimit=4m", s.src + "/", s.m + "/own/killed/"], start_new_session=True)
s.tap.ok(tools.kit.wait_for(lambda: [n for n in temporary("own/killed") if n.startswith(".big.")]), "a copy is under way")
os.killpg(p.pid, 9)
p.wait()
left = tools.kit.wait_for(lambda: [n for n in temporary("own/killed") if n.startswith(".big.")])
s.tap.is_([s.of("own/killed/" + n) for n in left], ["temp"], "killed, it leaves a temporary file, which is not sealed")
s.tap.ok(not os.path.exists(s.m + "/own/killed/big"), "and nothing under the name that was to be")
s.seal()
s.ok("rsync -aHAX $SRC/ $M/own/killed/", "the next run completes it", "")
s.ok("rm $M/own/killed/.big.*", "the temporary file can be removed", "")
s.same(s.src, s.m + "/own/killed", "all is there")
s.ok("rsync -aHAX $M/own/killed/ $TMP/out/", "rsync out of the vault", "")
s.same(s.src, s.v.dir + "/out", "brings it back")
out = s.restored()
s.same(s.src, out + "/own/killed", "as three buckets do")
s.done()
