#!/bin/bash
# Large sealed files are read by the kernel itself, whatever else is open.
. "$(dirname "$0")/minilib.sh"
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP passthrough needs root"; exit 0; }
printf '6.9\n%s\n' "$(uname -r)" | sort -CV ||
	{ echo "1..0 # SKIP passthrough needs Linux 6.9"; exit 0; }
start settle=1h
cd "$M" || exit 1
big=$((1 << 20))
head -c $big /dev/urandom >"$top/big"
# Bytes that the daemon reads while a command runs: nothing but its requests
# and what they ask of files/.
through() {
	local was
	was=$(awk '/^rchar/{print $2}' "/proc/$daemon/io")
	"$@" >/dev/null
	echo $(($(awk '/^rchar/{print $2}' "/proc/$daemon/io") - was))
}
copies() { [ "$(through cat "$1")" -ge $big ]; }
passes() { [ "$(through cat "$1")" -lt $((big / 8)) ]; }
py() { /usr/bin/python3 -c "import mmap,os,sys
def same(a, b): a == b or sys.exit('%r is not %r' % (a, b))
$1" "${@:2}"; }

cp "$top/big" a; cp "$top/big" b; cp "$top/big" c
ok "a file that is not sealed comes through the daemon" copies a
exec 5<b # opened before it is sealed, and kept
seal a b; until_state a sealed; until_state b sealed
ok "a sealed one does not" passes a
ok "its content is the same" cmp a "$top/big"
ok "by a mapping too" py '
r = os.open("a", os.O_RDONLY)
m = mmap.mmap(r, 0, mmap.MAP_SHARED, mmap.PROT_READ)
os.close(r)
same(m[:] == open(sys.argv[1], "rb").read(), True)' "$top/big"
ok "an open reader from before keeps the daemon in between" cmp b "$top/big"
is "and itself reads on" "$(head -c 5 <&5 | xxd -p)" "$(head -c 5 "$top/big" | xxd -p)"
exec 5<&-
ok "until it closes" passes b
ok "many readers at once" py '
text = open(sys.argv[1], "rb").read()
r = [os.open("a", os.O_RDONLY) for i in range(50)]
for fd in r[::2]: os.close(fd)
for fd in r[1::2]: same(os.pread(fd, len(text), 0) == text, True)
same(open("a", "rb").read() == text, True)' "$top/big"
no "a reader cannot be made a writer" py '
r = os.open("a", os.O_RDONLY)
os.open("/proc/self/fd/%d" % r, os.O_RDWR)'
ok "reading does not move the time of access of what is shown" sh -c '
	t=$(stat -c %X a); cat a >/dev/null; [ "$(stat -c %X a)" = "$t" ]'
ok "a sealed file that is unlinked beneath is still read by who has it" sh -c '
	exec 6<a; chattr -i "'"$F"'/a" 2>/dev/null; rm -f "'"$F"'/a"; cmp - "'"$top"'/big" <&6'
printf small >s; seal s; until_state s sealed
is "a small one is as it was" "$(cat s)" small
cd / || exit 1
finish
