#!/bin/bash
# Retention dates and holds of sealed files, with clocks that the test sets:
# what may be deleted follows the chain's, never the machine's.
. "$(dirname "$0")/minilib.sh"
T0=1800000000			# 2027-01-15T08:00:00Z
DAY=86400
echo $T0 >"$top/clock"
echo $T0 >"$top/chain"
args="settle=1h empty_settle=1h clock=$top/clock chain=$top/chain"
date_of() { date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ; }
until_of() { getfattr --only-values -n user.notary.retain_until "$1" 2>/dev/null; }
keep() { setfattr -n user.notary.retain_until -v "$2" "$1"; }
hold() { setfattr -n user.notary.hold -v "$2" "$1"; }
holds() { getfattr --only-values -n user.notary.hold "$1" 2>/dev/null; }
sealed() { # file... with a line each
	for f; do echo "$f" >"$f"; seal "$f"; until_state "$f" notarized >/dev/null; done
}
says() { # words, text of the error, command...
	tap=$((tap + 1))
	words=$1 want=$2
	shift 2
	if ! "$@" >"$top/said" 2>&1 && grep -q "$want" "$top/said"; then
		echo "ok $tap - $words"
	else
		echo "not ok $tap - $words"
		sed 's/^/# /' "$top/said"
	fi
}
until_ok() { # what cannot be asked whether it is recorded, or final, is tried
	for _ in $(seq 2400); do "$@" 2>/dev/null && return 0; sleep 0.05; done
	"$@"
}
kinds() { /usr/bin/python3 -c 'import sqlite3, sys
for r in sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True).execute(
    "SELECT kind FROM record WHERE path = ? ORDER BY id", (sys.argv[2].encode(),)):
    print(r[0], end=" ")' "$top/db" "$1"; }
setflag() { case $(lsattr "$1" 2>/dev/null) in ????i*) return 0;; *) return 1;; esac; }

# -- setting a date
start $args mode=compliance
cd "$M" || exit 1
sealed a b c
echo unsealed >u
is "without a date there is none to read" "$(until_of a)" ""
says "a date is for sealed files" "busy" keep u $((T0 + DAY))
says "nothing that is no date" "Invalid" keep a soon
no "the past" keep a $((T0 - 1))
no "nor now" keep a $T0
ok "seconds since 1970" keep a $((T0 + DAY))
is "are shown as RFC 3339" "$(until_of a)" "$(date_of $((T0 + DAY)))"
is "and as access time" "$(stat -c %X a)" $((T0 + DAY))
is "of the plain file too" "$(stat -c %X "$F/a")" $((T0 + DAY))
ok "the same again" keep a $((T0 + DAY))
no "a shorter one" keep a $((T0 + DAY - 1))
ok "a longer one, as RFC 3339" keep a "$(date_of $((T0 + 2 * DAY)))"
is "counts" "$(until_of a)" "$(date_of $((T0 + 2 * DAY)))"
is "is recorded each time it changes" "$(kinds a)" "0 7 7 "
before=$(stat -c '%Y %a %u %s' b)
ok "touch -a sets a date as well" touch -a -d "@$((T0 + 3 * DAY))" b
is "it is the same" "$(until_of b)" "$(date_of $((T0 + 3 * DAY)))"
is "and nothing else changes" "$(stat -c '%Y %a %u %s' b)" "$before"
echo early >early; touch -a -d "@$((T0 + 100000 * DAY))" early; seal early; until_state early notarized >/dev/null
is "a time to come that it had before its seal is no date" "$(until_of early)" ""
ok "until it is set again" touch -a -d "@$((T0 + 100000 * DAY))" early
is "and then it is one" "$(until_of early)" "$(date_of $((T0 + 100000 * DAY)))"
no "touch -a: a shorter one" touch -a -d "@$((T0 + DAY))" b
no "touch -a: now" touch -a b
no "touch: the modification time too" touch -d "@$((T0 + 9 * DAY))" b
no "another mode in the same breath is refused" chmod 777 b
is "date and files are as before" "$(until_of b) $(stat -c '%Y %a %u %s' b)" \
	"$(date_of $((T0 + 3 * DAY))) $before"
cat a b >/dev/null
dd if=b of=/dev/null iflag=direct status=none
is "reading does not move it" "$(stat -c %X b)" $((T0 + 3 * DAY))
no "the attribute cannot be removed" setfattr -x user.notary.retain_until b
is "nor is it listed" "$(getfattr -d b 2>/dev/null | grep -c notary)" 0
chown 65534 u; chmod 666 u; seal u; until_state u notarized >/dev/null
no "another's file is not kept longer by a stranger" \
	setpriv --reuid 65533 --clear-groups setfattr -n user.notary.retain_until -v $((T0 + DAY)) u
ok "its owner may, also by touch" setpriv --reuid 65534 --clear-groups touch -a -d "@$((T0 + DAY))" u
if setflag "$F/a"; then ok "the plain file is immutable again" setflag "$F/b"; fi

# -- the clock that counts
no "before its date a file stays" rm -f b
echo $((T0 + 900 * DAY)) >"$top/clock"
no "also when this machine's clock says otherwise" rm -f b
no "a date before this machine's time is in the past" keep c $((T0 + DAY))
echo $T0 >"$top/clock"
echo $((T0 + 3 * DAY - 1)) >"$top/chain"
no "a second before its date it stays" rm -f b
echo $((T0 + 3 * DAY)) >"$top/chain"
no "after it: no writing" sh -c 'echo more >>b'
no "no renaming" mv b b2
no "nothing renamed onto it" sh -c 'echo x >x; mv x b'
no "a file without a date stays" rm -f c
ok "but it may be deleted" rm b
ok "it is gone" test ! -e b -a ! -e "$F/b"
is "a deletion is recorded" "$(kinds b)" "0 7 9 "
ok "a new file may have its name" sh -c 'echo new >b'
is "which is not sealed" "$(state b)" settling
seal b; until_state b notarized >/dev/null
is "nor has it the old one's date when it is" "$(state b) $(until_of b)" "notarized "
is "its record follows" "$(kinds b)" "0 7 9 0 "
no "and it stays" rm -f b

# -- holds
echo $T0 >"$top/chain"
sealed h
ok "a hold" hold h "Case 12/2026"
ok "another" hold h B
ok "the same again" hold h B
is "are read one a line" "$(holds h)" "Case 12/2026
B"
is "and recorded once" "$(kinds h)" "0 8 8 "
says "a case is one line of text" "Invalid" hold h "a
b"
says "of 64 characters at most" "Invalid" hold h "$(printf %065d 0)"
ok "a date beside them" keep h $((T0 + DAY))
echo $((T0 + 2 * DAY)) >"$top/chain"
no "a held file outlives its date" rm -f h
no "a hold cannot be taken away" setfattr -x user.notary.hold h

# -- right behind the request for the seal
echo $T0 >"$top/chain"
n=0
for i in 1 2 3 4 5 6 7 8; do
	echo $i >n$i; setfattr -n user.notary.seal -v 1 n$i
	touch -r n$i n$i && keep n$i $((T0 + DAY)) && n=$((n + 1))
done
is "what was asked to be sealed takes its own times, and a date" $n 8

# -- several names
echo $T0 >"$top/chain"
sealed l1
ln l1 l2
keep l2 $((T0 + DAY))
is "a date holds for all names" "$(until_of l1)" "$(until_of l2)"
no "also for the other one's deletion" rm -f l2
echo $((T0 + DAY)) >"$top/chain"
no "the first name goes last" rm -f l1
ok "the other first" rm l2
is "the file is whole" "$(cat l1)" l1
setflag "$F/a" && ok "and immutable" setflag "$F/l1"
ok "and then the first" rm l1
mkdir -p d/e; sealed d/e/f; keep d/e/f $((T0 + 2 * DAY))
echo $((T0 + 2 * DAY)) >"$top/chain"
ok "a folder with nothing else goes as well" rm -r d
ln -s nowhere sym
setfattr -n user.notary.seal -v link:sym .
ok "a symlink is kept" until_ok touch -h -a -d "@$((T0 + 3 * DAY))" sym
no "until then" rm sym
echo $((T0 + 3 * DAY)) >"$top/chain"
ok "and no longer" until_ok rm sym

# -- over a crash
sealed k
keep k $((T0 + 4 * DAY))
hold k C
cd /
kill -KILL $daemon; wait $daemon 2>/dev/null; umount "$M"
touch -a -d @1 "$F/k" 2>/dev/null || { chattr -i "$F/k"; touch -a -d @1 "$F/k"; }
sqlite() { /usr/bin/python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1]); db.execute(sys.argv[2], eval(sys.argv[3])); db.commit()' "$top/db" "$@"; }
# A deletion that was cut off after it was recorded: its value, and the file.
echo half >"$F/b2"
ino=$(stat -c %i "$F/b2")
/usr/bin/python3 - "$top/db" "$ino" <<'PY'
import hashlib, sqlite3, struct, sys
db = sqlite3.connect(sys.argv[1])
d, = db.execute("SELECT d FROM record WHERE path = ? AND kind = 9", (b"b",)).fetchone()
gone = d.replace(b"\x41b", b"\x42b2", 1)
about = d[-32:]
n = db.execute("INSERT INTO record (kind, size, path, d) VALUES (9, 0, ?, ?)", (b"b2", gone)).lastrowid
db.execute("INSERT OR REPLACE INTO name VALUES (?, ?)", (b"b2", n))
db.execute("INSERT OR REPLACE INTO value VALUES ('mount.deleting', ?)",
           (struct.pack("=Q", int(sys.argv[2])) + about + b"b2",))
db.commit()
PY
start $args mode=compliance
cd "$M"
ok "a start ends a deletion that was cut off" test ! -e b2
is "dates and holds are kept" "$(until_of k) $(holds k)" "$(date_of $((T0 + 4 * DAY))) C"
shown() { [ "$(stat -c %X "$F/k")" = $((T0 + 4 * DAY)) ]; }
until_shown() { for _ in $(seq 2400); do shown && return 0; sleep 0.05; done; return 1; }
ok "and the access time is set right" until_shown
cd /; stop

# -- the configuration
start $args mode=compliance retain_default=10d retain_min=2d retain_max=30d
cd "$M"
echo $((T0 + 5 * DAY)) >"$top/chain"
echo $((T0 + 5 * DAY)) >"$top/clock"
sealed p; ln -s p ps; ln p p2
is "a file is kept from its seal on" "$(until_of p)" "$(date_of $((T0 + 15 * DAY)))"
is "its access time says so" "$(stat -c %X p)" $((T0 + 15 * DAY))
is "in its own record" "$(kinds p)" "0 "
is "links have the file's" "$(until_of p2)" "$(until_of p)"
no "not beyond retain_max" keep p $((T0 + 36 * DAY))
ok "up to it" keep p $((T0 + 35 * DAY))
no "not below retain_min" keep c $((T0 + 6 * DAY))
ok "from it on" keep c $((T0 + 7 * DAY))
cd /; stop

# -- no retention
start $args
cd "$M"
sealed n
ok "where all is kept for ever a date can be set" keep n $((T0 + 6 * DAY))
echo $((T0 + 7 * DAY)) >"$top/chain"
no "and allows nothing" rm -f n
cd /
finish
