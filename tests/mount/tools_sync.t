#!/usr/bin/python3
"""rclone and duplicity in a vault: what is new comes in, what is sealed stays."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import toolkit as tools

s = tools.Scene()
EPERM = "operation not permitted"
s.folder("d")
s.env["PASSPHRASE"] = "secret"
trees = []

if s.needs("rclone", "rclone"):
    R = "rclone --config /dev/null -q --links "
    s.ok(R + "copy $SRC $M/d/rclone", "rclone copy", "")
    s.seal()
    s.ok(R + "check $SRC $M/d/rclone", "check", "")
    s.ok(R + "copy $SRC $M/d/rclone", "a second copy does nothing", "")
    s.ok(R + "sync $SRC $M/d/rclone", "nor does sync", "")
    s.ok("cp -a $SRC new; echo new >new/letters/new; echo longer >new/report; rm new/letters/2026/03.txt", "changes", "")
    s.refused(R + "copy --immutable new $M/d/rclone", "immutable file modified", "copy --immutable says what has changed", 6)
    s.refused(R + "copy --retries 1 new $M/d/rclone", EPERM, "copy without it is refused", 1)
    s.refused(R + "sync --retries 1 new $M/d/rclone", EPERM, "sync is", 1)
    s.tap.is_(open(s.m + "/d/rclone/letters/new").read(), "new\n", "what was new is there")
    s.tap.is_(tools.digest(s.m + "/d/rclone/report"), tools.digest(s.src + "/report"), "what was sealed too")
    s.refused(R + "check new $M/d/rclone", "differences found", "check tells the difference", 1)
    s.seal()
    s.ok(R + "copy $M/d/rclone out", "copy out of the vault", "")
    s.ok(R + "check $M/d/rclone out", "brings all back", "")
    trees.append("d/rclone")

if s.needs("duplicity", "duplicity"):
    D = "duplicity --no-encryption --archive-dir $TMP/archive --tempdir $TMP --num-retries 1 "
    U = "file://$M/d/duplicity"
    s.ok(D + "$SRC " + U, "duplicity, full")
    s.seal()
    s.ok("cp -a $SRC next; echo next >next/next; rm next/letters/2026/04.txt", "changes", "")
    s.next_second()  # two sets of one second confuse duplicity
    s.ok(D + "--allow-source-mismatch next " + U, "incremental, over what is sealed")
    s.seal()
    s.ok(D + "verify " + U + " next", "verify")
    s.next_second()
    s.ok(D + "full --allow-source-mismatch next " + U, "a second full one")
    s.seal()
    said = s.ok(D + "remove-all-but-n-full 1 --force " + U, "removing the first ends well, as duplicity has it")
    s.tap.ok("PermissionError: Operation not permitted" in said, "but says that it could not")
    s.ok(D + "verify " + U + " next", "and takes nothing away")

out = s.restored()
s.env["OUT"] = out
if os.path.isdir(out + "/d/duplicity"):
    s.ok("duplicity --no-encryption --archive-dir $TMP/other restore file://$OUT/d/duplicity back", "duplicity restores from what three buckets give")
    s.ok("diff -r --no-dereference next back", "what it had saved", "")
s.done()
