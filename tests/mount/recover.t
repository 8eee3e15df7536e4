#!/bin/bash
# What a start finds: after a clean end, after kill -9, and after somebody
# meddled with files/.
. "$(dirname "$0")/minilib.sh"
records() { # KIND (0 put 1 mkdir 2 symlink 3 link): paths, ascending
	/usr/bin/python3 - "$top/db" "$1" <<'PY'
import sqlite3, sys
db = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True)
rows = db.execute("SELECT path FROM record WHERE kind = ? ORDER BY path",
                  (int(sys.argv[2]),))
print(" ".join(r[0].decode() or "/" for r in rows))
PY
}
unclean() { # PATH: does its record say so?
	/usr/bin/python3 - "$top/db" "$1" <<'PY'
import sqlite3, sys
db = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True)
d = db.execute("SELECT d FROM record WHERE path = ? ORDER BY id DESC",
               (sys.argv[2].encode(),)).fetchone()[0]
sys.exit(0 if d.endswith(b"\x04\xf5") else 1)   # extension 4: true
PY
}
killed() { kill -KILL "$daemon"; wait "$daemon" 2>/dev/null; daemon=; }

# A machine that is held up while it makes them must not seal some before others.
start settle=1h
cd "$M" || exit 1
mkdir -p a/b; echo 1 >a/b/one; echo 2 >two; ln two twin; ln -s two soft
mkdir empty; touch -d 2003-03-03 empty
cd /; stop; start settle=0.5s; cd "$M" || exit 1
ok "files and symlinks seal by themselves" until_state a/b/one sealed
ok "all of them" until_state two sealed
ok "folders too" timeout 300 sh -c "until [ \"\$(getfattr --only-values \
	-n user.notary.record empty 2>/dev/null | wc -c)\" -gt 0 ]; do sleep 0.1; done"
is "puts" "$(records 0)" "a/b/one two"
is "a link for the other name" "$(records 3)" twin
is "a symlink" "$(records 2)" soft
is "folders, the root too, once each" "$(records 1)" "/ a a/b empty"
cp /bin/true big; truncate -s 70M big
ok "a file of several extents seals" until_state big sealed
is "and stays as it was" "$(stat -c %s big)" 73400320
ln two later
is "a link to a sealed file is recorded at once" "$(records 3)" "later twin"

# A clean end: what settles goes on settling, and nothing is suspected.
# (A writer whose RELEASE has not come yet would count as cut off.)
echo slow >slow; : >nothing
until_state slow settling; until_state nothing settling
cd /; stop; start settle=0.5s; cd "$M" || exit 1
ok "what was settling seals in the next run" until_state slow sealed
is "an empty file still settles" "$(state nothing)" settling
cd /; stop; start settle=1h; cd "$M" || exit 1

# kill -9: what was unsealed may have lost its writer.
exec 7>cut; echo half >&7
chmod a-w nothing; echo frozen >ice; chmod a-w ice
before=$(records 1)
killed; exec 7>&- 2>/dev/null
cd /; start settle=1h; cd "$M" || exit 1
ok "a dead mount is cleared away by the next start" mountpoint -q "$M"
is "a read-only file is frozen again" "$(state ice)" frozen
cd /; stop; start settle=0.5s; cd "$M" || exit 1
ok "a file cut off seals" until_state cut sealed
ok "and its record says so" unclean cut
unclean slow && words="it does" || words="it does not"
is "a record of before does not" "$words" "it does not"
ok "sealed stays sealed" sh -c "! echo no >>a/b/one"
echo fresh >after
ok "a file of the new run seals" until_state after sealed
unclean after && words="it does" || words="it does not"
is "and is not unclean" "$words" "it does not"

# The immutable flag comes back, a foreign file is taken in.
cd /; stop
if [ "$(id -u)" = 0 ] && chattr -i "$F/two" 2>/dev/null; then
	echo foreign >"$F/foreign"
	start settle=0.5s
	is "the immutable flag is set again" "$(lsattr "$F/two" | cut -c5)" i
	ok "a file put into files/ settles and seals" until_state "$M/foreign" sealed
	stop
fi
start settle=1h
ok "a mount point in use is refused" sh -c "! $build/tests/minimount $F $top/db2 $M 2>$top/e"
ok "with a sentence" grep -q "mounted notaryfs already" "$top/e"
ok "a mount point with something in it is refused" sh -c \
	"mkdir $top/n; : >$top/n/x; ! $build/tests/minimount $F $top/db2 $top/n 2>$top/e"
ok "with a sentence" grep -q "is not empty" "$top/e"
is "the mount says what it is" "$(awk -v m="$M" '$2 == m {print $3}' /proc/mounts)" fuse.notaryfs
finish
