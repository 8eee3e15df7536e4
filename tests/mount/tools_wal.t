#!/usr/bin/python3
"""PostgreSQL's write-ahead log in a vault, preset wal: archive_command, what
pg_receivewal does, and a copy that was cut off."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import toolkit as tools

SEGMENT = 16 << 20
s = tools.Scene(settle="500ms")
wal = s.folder("wal", "wal")
with open(s.v.dir + "/segment", "wb") as f:
    f.write(os.urandom(1 << 20))
    f.truncate(SEGMENT)
NAME = "0000000100000000000000%02X"
archive = ("f=%s; test ! -f $M/wal/$f && cp $TMP/segment $M/wal/$f.partial && sync $M/wal/$f.partial && "
           "mv $M/wal/$f.partial $M/wal/$f && sync $M/wal")

# -- archive_command
s.ok(archive % (NAME % 1), "archive_command", "")
s.seal()
s.refused(archive % (NAME % 1), "", "a segment that is there is not replaced", 1)
s.ok("head -c 1M segment >$M/wal/" + NAME % 2 + ".partial", "a copy is cut off", "")
s.seal()
s.tap.is_(s.of("wal/" + NAME % 2 + ".partial"), "temp", "and is not sealed")
s.ok(archive % (NAME % 2), "the next try replaces it", "")
s.ok("cmp segment $M/wal/" + NAME % 2, "by the whole segment", "")
with open(wal + "/00000002.history", "w") as f:
    f.write("1\t0/3000000\tno recovery target specified\n")

# -- pg_receivewal (src/bin/pg_basebackup/walmethods.c, receivelog.c): a segment is
# preallocated under NAME.partial, written and synced for as long as it lasts, reopened
# after a stop, renamed when it is full; then the file and its folder are synced again.
part = wal + "/" + NAME % 3 + ".partial"
fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
os.posix_fallocate(fd, 0, SEGMENT)
os.fsync(fd)
with open(s.v.dir + "/segment", "rb") as f:
    os.pwrite(fd, f.read(8192), 0)
os.fdatasync(fd)
os.close(fd)
s.seal()
s.tap.is_(s.of("wal/" + NAME % 3 + ".partial"), "temp", "a segment that is being received is not sealed")
fd = os.open(part, os.O_RDWR)
with open(s.v.dir + "/segment", "rb") as f:
    os.pwrite(fd, f.read(), 0)
os.fsync(fd)
os.close(fd)
os.rename(part, part[:-len(".partial")])
fd = os.open(part[:-len(".partial")], os.O_RDWR)
os.fsync(fd)
os.close(fd)
fd = os.open(wal, os.O_RDONLY)
os.fsync(fd)
os.close(fd)
s.tap.ok(tools.kit.wait_for(lambda: s.of("wal/" + NAME % 3) in ("sealed", "notarized")), "renamed, it is")
s.ok("cmp segment $M/wal/" + NAME % 3, "whole", "")
for what in ("rm $M/wal/", "mv segment $M/wal/", "truncate -s 0 $M/wal/"):
    s.refused("cp -n segment segment2; " + what.replace("segment", "segment2") + NAME % 3, "Operation not permitted", "refused: " + what)
tool = shutil.which("pg_archivecleanup") or "/usr/lib/postgresql/15/bin/pg_archivecleanup"
if s.needs(tool, "postgresql-15"):
    s.refused(tool + " $M/wal " + NAME % 3, "Operation not permitted", "pg_archivecleanup removes nothing")
s.tap.is_(sorted(os.listdir(wal)), sorted(["00000002.history"] + [NAME % i for i in (1, 2, 3)]), "nothing else is left")
s.restored()
s.done()
