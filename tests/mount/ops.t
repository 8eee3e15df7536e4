#!/bin/bash
# The table of operations and states, row by row, on a real mount.
. "$(dirname "$0")/minilib.sh"
start settle=1h empty_settle=1h
cd "$M" || exit 1
py() { /usr/bin/python3 -c "import os,sys,ctypes
$1" "${@:2}"; }
# rename with flags: NOREPLACE 1, EXCHANGE 2
ren2() { py '
c = ctypes.CDLL(None, use_errno=True)
if c.renameat2(-100, sys.argv[2].encode(), -100, sys.argv[3].encode(), int(sys.argv[1])):
    sys.exit(os.strerror(ctypes.get_errno()))' "$@"; }

echo one >open; exec 5>>open
is "a file with a writer is open" "$(state open)" open
ok "an open file may be renamed" mv open open2
ok "and chmodded" chmod 600 open2
ok "seal of a file with a writer is EBUSY" sh -c \
	'! setfattr -n user.notary.seal -v 1 open2 2>'"$top/e"' && grep -q busy '"$top/e"
rm open2
ok "an unlinked open file can still be written" sh -c 'echo two >&5' 
is "and read" "$(cat /proc/$$/fd/5)" "one
two"
exec 5>&-

echo one >bare
none() { py '
try: print(os.getxattr(sys.argv[1], sys.argv[2]).decode())
except OSError as e: print(os.strerror(e.errno))' bare "$1"; }
is "an attribute that a file has not" "$(none user.none)" "No data available"
if [ ! -e /sys/fs/selinux ]; then
	is "ls is told that there are no labels, so that it asks once" \
		"$(none security.selinux)" "Operation not supported"
	if setfattr -n security.selinux -v label bare 2>"$top/e"; then
		is "but a label that was set is shown" \
			"$(none security.selinux)" label
	fi
fi
rm bare

echo one >s
is "closed: settling" "$(until_state s settling; state s)" settling
ok "settling: append" sh -c 'echo two >>s'
ok "settling: truncate" truncate -s 4 s
ok "settling: chmod, chown, touch" sh -c 'chmod 640 s; chown 1:1 s; touch -d 2001-01-01 s'
ok "settling: setfattr" setfattr -n user.x -v y s
ok "settling: rename" mv s s2
ok "settling: rename onto an unsealed file" sh -c 'echo 3 >t; mv t s2'
is "which has the source's bytes" "$(cat s2)" 3
ok "settling: link" ln s2 s3
is "both names count" "$(stat -c %h s2)" 2
ok "settling: unlink of one" rm s3
ok "settling: unlink of the last" rm s2
ok "gone in files/ too" test ! -e "$F/s2"

echo one >f; chmod a-w f
is "chmod a-w freezes" "$(state f)" frozen
no "frozen: open for writing" sh -c 'echo two >>f'
no "frozen: truncate" truncate -s 0 f
ok "frozen: chmod back" chmod u+w f
no "frozen stays frozen" sh -c 'echo two >>f'
ok "frozen: rename" mv f f2
ok "frozen: unlink" rm f2
: >e; chmod 444 e
is "an empty file has no content to freeze" "$(state e)" settling
( exec 6>w; chmod 444 w; echo late >&6 )
is "chmod a-w with a writer freezes at its close" "$(until_state w frozen; state w)" frozen
install -m 444 /dev/null c444; rm -f c444
py 'os.close(os.open("c444", os.O_WRONLY|os.O_CREAT, 0o444))'
is "creation with mode 0444 is no commit" "$(state c444)" settling

mkdir d d/e; echo sealed >d/e/x; echo other >y; setfattr -n user.k -v v d/e/x
before=$(stat -c '%a %u %g %s %Y %i' d/e/x)
ok "seal" seal d/e/x
ok "it is sealed" until_state d/e/x sealed
is "mode, owner, size, mtime, inode stay" "$(stat -c '%a %u %g %s %Y %i' d/e/x)" "$before"
is "lsattr shows it" "$(lsattr d/e/x | cut -c5)" i
x=d/e/x
no "sealed: O_WRONLY" sh -c "echo no >>$x"
no "sealed: O_TRUNC" sh -c "echo no >$x"
no "sealed: O_RDWR" py 'os.open("d/e/x", os.O_RDWR)'
no "sealed: truncate" truncate -s 1 $x
no "sealed: truncate to the same size" truncate -s 7 $x
no "sealed: rename" mv $x z
no "sealed: rename of its folder" mv d/e z
no "sealed: rename of a folder above" mv d z
no "sealed: rename onto it" mv -f y $x
no "sealed: exchange" ren2 2 y $x
no "sealed: exchange, other way" ren2 2 $x y
mkdir -p o; no "sealed: exchange of a folder above" ren2 2 o d
is "sealed: NOREPLACE onto it is EEXIST" "$(ren2 1 y $x 2>&1)" "File exists"
ok "sealed: rename to a temp name is refused" sh -c "! mv $x d/e/x.tmp"
no "sealed: unlink" rm -f $x
no "sealed: chmod" chmod 600 $x
ok "sealed: chmod that changes nothing" chmod "$(stat -c %a $x)" $x
no "sealed: chown" chown 5 $x
ok "sealed: chown that changes nothing" chown "$(stat -c %u $x)" $x
no "sealed: touch" touch $x
no "sealed: atime alone" touch -a $x
no "sealed: setfattr" setfattr -n user.k -v w $x
ok "sealed: setfattr that changes nothing" setfattr -n user.k -v v $x
no "sealed: removexattr" setfattr -x user.k $x
no "sealed: chattr -i" chattr -i $x
ok "sealed: seal again" seal $x
echo i >i
ok "chattr -p says that there are no project numbers" sh -c '! chattr -p 77 i 2>/dev/null'
ok "of what is sealed too" sh -c '! chattr -p 77 "$1" 2>/dev/null' - $x
ok "chattr -i of what is not sealed" chattr -i i
ok "chattr +i seals" chattr +i i
ok "it is sealed" until_state i sealed
ok "chattr +i of what is sealed" chattr +i i
( exec 6>>j; chattr +i j 2>&1 ) | grep -o busy >"$top/e"
is "chattr +i of a file with a writer is EBUSY" "$(cat "$top/e")" busy
rm j
ok "sealed: link" ln $x alias
ok "the alias is sealed too" until_state alias sealed
no "and cannot go" rm -f alias
no "sealed: link to a temp name" ln $x alias.tmp
no "sealed: link to a scratch name" ln $x .alias.swp
ok "reads, fine" cmp $x alias
ok "flock on a read descriptor" flock -s $x true
ok "rmdir of the folder is ENOTEMPTY" sh -c '! rmdir d/e 2>'"$top/e"' && grep -q "not empty" '"$top/e"
ok "the folder itself may be chmodded" chmod 700 d/e
ok "the file is immutable in files/" sh -c "[ \$(lsattr '$F/$x' | cut -c5) = i ] || [ \$(id -u) != 0 ]"
ok "user.notary.* is not listed" sh -c "! getfattr -d -m - $x | grep -q notary"
ok "setting another user.notary.* is no error" setfattr -n user.notary.cert -v x $x

ln -s target l; ok "a symlink can be replaced while settling" ln -sfn target2 l
is "link:NAME on the folder: no such name" \
	"$(setfattr -n user.notary.seal -v link:none . 2>&1 | sed 's/.*: //')" "No such file or directory"
ok "link:NAME: not of a file" sh -c '! setfattr -n user.notary.seal -v link:y . 2>/dev/null'
ok "link:NAME seals a symlink" setfattr -n user.notary.seal -v link:l .
no "which then cannot be replaced" ln -sfn target3 l
mkfifo p; ok "a FIFO passes through and may go" rm p
echo t >asked
for value in 0 no 10 off; do
	is "user.notary.seal=$value asks for nothing" \
		"$(setfattr -n user.notary.seal -v $value asked 2>&1 | sed 's/.*: //')" "Invalid argument"
done
ok "and nothing is sealed" sh -c 'echo more >>asked'
ok "without a value it does" sh -c 'setfattr -n user.notary.seal asked; ! echo more 2>/dev/null >>asked'

echo t >u.tmp
is "a temp name is temp" "$(until_state u.tmp temp; state u.tmp)" temp
ok "temp: chmod a-w, rewritten by root" sh -c 'chmod 444 u.tmp; echo again >u.tmp'
ok "temp -> final" mv u.tmp u
is "is settling or frozen" "$(state u)" frozen
ok "and seals" sh -c 'setfattr -n user.notary.seal -v 1 u'
ok "sealed" until_state u sealed
echo s >.v.swp
is "a scratch name is scratch" "$(until_state .v.swp scratch; state .v.swp)" scratch
ok "scratch: unlink" rm .v.swp
echo r >new; echo r >r; ln r .r.swp; chmod a-w r
ok "a file is replaced under one of its names" mv -f new r
is "and is of the other name's class" "$(state .r.swp)" scratch
echo g >tmp.part; ln tmp.part g
ok "a file with a temp and a final name seals" sh -c 'setfattr -n user.notary.seal -v 1 g'
ok "sealed" until_state g sealed
no "the temp name does not open it" sh -c 'echo no >>tmp.part'
ok "the spare temp name may be unlinked" rm tmp.part
no "the final name not" rm -f g
mkdir k.tmp; echo k >k.tmp/k; ln k.tmp/k k
no "a folder with a spare name is not renamed, at once" sh -c 'setfattr -n user.notary.seal -v 1 k; mv k.tmp k2'
ok "sealed" until_state k sealed
no "nor later" mv k.tmp k2
ok "the spare name may be unlinked at once" sh -c 'rm k.tmp/k && mv k.tmp k2'
i=0; while [ $i -lt 50 ]; do
	echo $i >v$i.tmp; ln v$i.tmp v$i; setfattr -n user.notary.seal -v 1 v$i; rm v$i.tmp || break
	i=$((i + 1))
done
is "while a file is being sealed its spare name may go" $i 50
i=0; while [ $i -lt 50 ]; do
	echo $i >w$i; setfattr -n user.notary.seal -v 1 w$i; ln w$i l$i || break
	i=$((i + 1))
done
is "and it may get another" $i 50
echo c >c.tmp; chmod 444 c.tmp; echo d >>c.tmp; chmod 644 c.tmp; mv c.tmp c
is "chmod a-w under a temp name may be taken back" "$(state c)" settling
is "and keeps its bytes" "$(cat g)" g

# -- programs run, whichever way they are read
cp /bin/true small; cp "$build/notary-verify" large
printf '#!%s/small\n' "$M" >script; chmod 755 script
ok "a program that was just copied runs" sh -c './small && ./large --version && ./script'
seal small; seal large; seal script
ok "and when it is sealed" sh -c './small && ./large --version && ./script'

ok ".notary cannot be made" sh -c '! mkdir .notary 2>/dev/null && ! echo >.notary'
ok ".notary is not listed" sh -c '! ls -a | grep -q notary'
is ".notary lists itself" "$(ls .notary | tr '\n' ' ')" "anchor audit cert ctl deleted history log status wait "
no "and cannot be removed" rmdir .notary
ok "x.cert is not there before finality" test ! -e u.cert
ok "so a real one can be made" sh -c 'echo own >u.cert && [ "$(cat u.cert)" = own ]'
echo n >n.part; ln n.part n
ln -s x o.part; ln o.part o1; setfattr -n user.notary.seal -v link:o1 .
for i in 1 2 3 4 5 6 7 8 9; do echo $i >q$i; seal q$i; done
cd / && stop
start settle=1h empty_settle=1h
cd "$M" || exit 1
is "after a start a file is of the stronger class of its names" "$(state n)$(state n.part)" settlingsettling
is "what somebody asked to seal before the end is sealed" \
	"$(for i in 1 2 3 4 5 6 7 8 9; do state q$i; done)" \
	"$(printf 'sealed%.0s' 1 2 3 4 5 6 7 8 9)"
no "and what is sealed under one name is under the other" chown -h 7 o.part
ok "which may go" rm o.part
cd / && finish
