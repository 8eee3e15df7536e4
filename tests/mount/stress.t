#!/bin/bash
# Six processes make, move, link and remove at random while files seal.  Then
# every record must tell the truth about files/, and every file that can be
# sealed and every folder must have one.
. "$(dirname "$0")/minilib.sh"
seconds=${SECONDS_OF_STRESS:-6}
start settle=0.5s empty_settle=0.5s
timeout 600 /usr/bin/python3 - "$M" "$seconds" "${SEED:-1}" >"$top/errors" 2>&1 <<'PY'
import errno, multiprocessing, os, random, sys, time
M, seconds, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
# What a file system may say to such a mess; anything else is a bug.
MAY = {errno.ENOENT, errno.EEXIST, errno.ENOTEMPTY, errno.EINVAL, errno.EPERM}
def work(number):
    r = random.Random(seed * 100 + number)
    bad = set()
    def folder():
        return M + "/" + "/".join(r.choice("abc") for _ in range(r.randint(1, 3)))
    def path():
        return folder() + "/" + r.choice(["x", "y", "z", "t.tmp", "u.tmp", ".f.swp"])
    def write():
        with open(path(), "ab") as f:
            f.write(os.urandom(r.randint(0, 5000)))
    def walk():
        for a, _, names in os.walk(M):
            for n in names:
                os.lstat(a + "/" + n)
    acts = [lambda: os.makedirs(folder(), exist_ok=True), write, write, write,
            lambda: os.rename(path(), path()), lambda: os.rename(folder(), folder()),
            lambda: os.unlink(path()), lambda: os.rmdir(folder()),
            lambda: os.link(path(), path(), follow_symlinks=False),
            lambda: os.chmod(path(), r.choice([0o644, 0o444, 0o600])), walk,
            lambda: open(path(), "rb").read(), lambda: os.symlink("q", path())]
    end = time.time() + seconds
    while time.time() < end:
        try:
            r.choice(acts)()
        except OSError as e:
            if e.errno not in MAY:
                bad.add(os.strerror(e.errno))
    for b in bad:
        print(b)
works = [multiprocessing.Process(target=work, args=(i,)) for i in range(6)]
for w in works: w.start()
for w in works: w.join()
PY
is "no error that has no reason" "$(sort -u "$top/errors")" ""
records() { # of files and links
	/usr/bin/python3 - "$top/db" <<'PY'
import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute(
    "SELECT count(*) FROM record WHERE kind IN (0, 2, 3)").fetchone()[0])
PY
}
settled() { [ -z "$(find "$M" -type f -o -type l | while read -r f; do state "$f"; echo; done | grep -E 'open|settling|frozen')" ]; }
ok "everything comes to rest" timeout 600 bash -c "$(declare -f state settled); M='$M'; until settled; do sleep 0.2; done"
find "$M" -type f -o -type l | while read -r f; do echo "# $(state "$f") $f"; done | grep -E '# (open|settling|frozen)'
stop
cat >"$top/check" <<'PY'
import collections, hashlib, os, re, sqlite3, stat, sys
files, db = sys.argv[1], sqlite3.connect("file:%s?mode=ro" % sys.argv[2], uri=True)
TEMP = re.compile(rb"(^|/)([^/]*\.tmp(/|$)|\.[^/]*\.swp$)")
MKDIR, TOMBSTONE = 1, 4
record, newest = {}, {}
for kind, path, d in db.execute("SELECT kind, path, d FROM record ORDER BY id"):
    newest[path] = kind
    if kind in (MKDIR, TOMBSTONE):
        continue
    if path in record:
        print("recorded twice:", path)
    record[path] = (kind, d)
def digest(p):
    with open(p, "rb") as f:
        return hashlib.sha256(f.read()).digest()
for path, (kind, d) in record.items():
    p = os.path.join(files.encode(), path)
    if not os.path.lexists(p):
        print("recorded and not there:", path)
    elif kind == 0 and d.split(b"gsha-256X ")[1][:32] != digest(p):
        print("other bytes than recorded:", path)
for a, _, names in os.walk(files.encode()):
    for n in names:
        p = os.path.join(a, n)
        path = os.path.relpath(p, files.encode())
        mode = os.lstat(p).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
            continue
        if path not in record and not TEMP.search(path):
            print("there and not recorded:", path)
        if path in record and TEMP.search(path):
            print("recorded though temp:", path)
if sys.argv[3:] == ["folders"]:
    there = {os.path.relpath(os.path.join(a, n), files.encode())
             for a, names, _ in os.walk(files.encode()) for n in names
             if not os.path.islink(os.path.join(a, n))}
    known = {path for path, kind in newest.items() if kind == MKDIR and path}
    for path in known - there:
        print("a folder gone without a tombstone:", path)
    for path in there - known:
        print("a folder not recorded:", path)
PY
ok "there are records enough to speak of" test "$(records)" -gt 20
is "records and files/ agree" "$(/usr/bin/python3 "$top/check" "$F" "$top/db")" ""
start settle=0.5s empty_settle=0.5s
before=$(records)
ok "a new start finds everything at rest" timeout 300 bash -c "$(declare -f state settled); M='$M'; until settled; do sleep 0.2; done"
agree() { [ -z "$(/usr/bin/python3 "$top/check" "$F" "$top/db" folders | tee "$top/differ")" ]; }
for _ in $(seq 1000); do agree && break; sleep 0.2; done
is "and records every folder that is there and no other" "$(cat "$top/differ")" ""
stop
after=$(records)
is "and records nothing again" "$after" "$before"
is "the daemon says nothing of sanitizers" "$(grep -c 'ERROR: \|WARNING: T\|runtime error' "$top/err")" 0
echo "1..$tap"
