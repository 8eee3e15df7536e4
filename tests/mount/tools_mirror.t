#!/usr/bin/python3
"""Tools that replace and delete, in a folder with preset mirror: rsync --delete,
rclone sync, rdiff-backup, restic forget and prune.  What was there before stays
below .notary/history."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import toolkit as tools

s = tools.Scene()
s.folder("m", "mirror")
s.env["RESTIC_PASSWORD"] = "secret"
s.ok("cp -a $SRC new; cd new; echo changed >tool; chmod u+w read-only; echo changed >read-only; chmod 444 read-only; rm -r letters/2026; echo added >letters/added; chmod 600 noise; ln -sf tool soft",
     "another state", "")

# (rsync deletes in a folder after it has set that folder's time, or before; anywhere.)
s.ok("rsync -aHAX --delete $SRC/ $M/m/rsync/", "rsync --delete", "")
s.seal()
s.ok("rsync -aHAXi --delete $SRC/ $M/m/rsync/", "a second run finds nothing to do", "")
s.ok("rsync -aHAX --delete new/ $M/m/rsync/", "the new state", "")
s.same(s.v.dir + "/new", s.m + "/m/rsync", "is there", folder_times=False)
s.seal()
s.ok("rsync -aHAX --delete --delay-updates $SRC/ $M/m/rsync/", "and the old one, --delay-updates", "")
s.same(s.src, s.m + "/m/rsync", "again", folder_times=False)
s.seal()
s.ok("rsync -aHAX --delete --inplace new/ $M/m/rsync/", "and the new one, --inplace", "")
s.same(s.v.dir + "/new", s.m + "/m/rsync", "again", folder_times=False)
s.seal()

if s.needs("rclone", "rclone"):
    R = "rclone --config /dev/null -q --links "
    s.ok(R + "sync $SRC $M/m/rclone", "rclone sync", "")
    s.seal()
    s.ok(R + "sync new $M/m/rclone && " + R + "check new $M/m/rclone", "the new state", "")
    s.seal()

if s.needs("rdiff-backup", "rdiff-backup"):
    B = "rdiff-backup "
    s.ok(B + "backup $SRC $M/m/rdiff", "rdiff-backup")
    s.seal()
    s.next_second()
    s.ok(B + "backup new $M/m/rdiff", "the new state")
    s.seal()
    s.ok(B + "verify $M/m/rdiff", "verify")
    s.next_second()
    s.ok(B + "backup new $M/m/rdiff", "once more")
    s.seal()
    s.ok(B + "--force remove increments --older-than 1B $M/m/rdiff", "the oldest increment removed")
    s.seal()

if s.needs("restic", "restic"):
    s.folder("prune", "restic-prune")
    R = "restic -q -r $M/prune/repo "
    s.ok(R + "init && " + R + "backup src && " + R + "backup new", "restic", "")
    s.seal()
    s.ok(R + "forget --keep-last 1 --group-by host --prune", "forget and prune", "")
    s.seal()
    s.ok(R + "check --read-data", "leave a whole repository", "")
    s.tap.is_(len(os.listdir(s.m + "/prune/repo/snapshots")), 1, "of one snapshot")

out = s.restored()
s.env["OUT"] = out
s.same(s.v.dir + "/new", out + "/m/rsync", "the newest state comes back", folder_times=False)
if os.path.isdir(out + "/m/rdiff"):
    s.ok("rdiff-backup restore $OUT/m/rdiff back", "rdiff-backup restores from it")
    s.ok("diff -r --no-dereference new back", "what it had saved", "")
if os.path.isdir(out + "/prune"):
    s.ok("restic -q -r $OUT/prune/repo check --no-lock --read-data", "restic finds nothing wrong")
s.done()
