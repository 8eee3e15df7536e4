#!/bin/bash
# Large files are read by the kernel itself, whatever else is open and before
# they are sealed, too; and what is sealed can be reached by no mapping.
. "$(dirname "$0")/minilib.sh"
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP passthrough needs root"; exit 0; }
printf '6.9\n%s\n' "$(uname -r)" | sort -CV ||
	{ echo "1..0 # SKIP passthrough needs Linux 6.9"; exit 0; }
settings=(settle=1h)
start "${settings[@]}"
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
ok "a file that is not sealed yet does not come through the daemon" passes a
exec 7<>b # a writer through the cache: its mapping would be there, too
exec 5<b # opened before it is sealed, and kept
exec 7<&-
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

# Before it is sealed: readers are passed, and whoever writes meanwhile.
fresh() { head -c $big /dev/urandom >"$1"; }
fresh d
ok "a reader beside the writer that makes the file sees what it writes" py '
w = os.open("e", os.O_WRONLY | os.O_CREAT)
os.write(w, b"1" * (1 << 18))
r = os.open("e", os.O_RDONLY)
same(os.pread(r, 1, (1 << 18) - 1), b"1")
os.pwrite(w, b"2", 0)
os.pwrite(w, b"3", 1 << 19)
same(os.pread(r, 1 << 20, 0), b"2" + b"1" * ((1 << 18) - 1) + bytes(1 << 18) + b"3")'
ok "one that only writes is let in beside readers, and they see it" py '
r = os.open("d", os.O_RDONLY)
m = mmap.mmap(r, 0, mmap.MAP_SHARED, mmap.PROT_READ)
w = os.open("d", os.O_WRONLY)
os.pwrite(w, b"new", 5)
same((os.pread(r, 3, 5), m[5:8]), (b"new", b"new"))
a = os.open("d", os.O_WRONLY | os.O_APPEND)
n = os.write(a, b"end")
same(os.pread(r, 9, 1 << 20), b"end")
os.ftruncate(w, 1 << 20)
same((os.pread(r, 9, 1 << 20), os.fstat(r).st_size), (b"", 1 << 20))
os.close(r)
os.close(w)
same(open("d", "rb").read()[5:8], b"new")'
ok "it can be cut below the size from which files are passed" py '
r = os.open("d", os.O_RDONLY)
os.truncate("d", 3)
same(open("d", "rb").read(), os.pread(r, 9, 0))
t = os.open("d", os.O_WRONLY | os.O_TRUNC)
os.write(t, b"little")
same((os.pread(r, 9, 0), open("d", "rb").read()), (b"little", b"little"))
os.close(r)
os.close(t)
same(open("d", "rb").read(), b"little")'
fresh d
ok "what was written beside readers is what the cache shows afterwards" py '
c = os.open("d", os.O_RDWR) # goes through the cache
same(os.pread(c, 1, 0) != b"", True)
os.close(c)
r = os.open("d", os.O_RDONLY)
w = os.open("d", os.O_RDWR)
os.pwrite(w, b"beside", 4096)
m = mmap.mmap(w, 0, mmap.MAP_SHARED)
m[8192:8198] = b"mapped"
same((os.pread(r, 6, 4096), os.pread(r, 6, 8192), os.pread(w, 6, 8192)), (b"beside", b"mapped", b"mapped"))
m.close()
os.close(r)
os.close(w)
text = open("d", "rb").read()
same((text[4096:4102], text[8192:8198]), (b"beside", b"mapped"))'
ok "opened in every way by many at once, none is refused and all see one file" \
	/usr/bin/python3 - <<'PY'
import mmap, os, random, sys, threading
SIZE, wrong = 1 << 18, []
with open("many", "wb") as f:
    f.write(bytes(SIZE))
def worker(k):
    r, held = random.Random(k), []
    for i in range(200):
        try:
            how = r.choice([os.O_RDONLY, os.O_RDONLY, os.O_WRONLY, os.O_RDWR])
            held.append(os.open("many", how))
            at, byte = k * 4096 + r.randrange(4) * 65536, bytes([r.randrange(256)]) * 4096
            if how == os.O_RDWR and r.random() < .5:
                with mmap.mmap(held[-1], SIZE, mmap.MAP_SHARED) as m:
                    m[at:at + 4096] = byte
            elif how != os.O_RDONLY:
                os.pwrite(held[-1], byte, at)
            if how != os.O_RDONLY:
                held.append(os.open("many", os.O_RDONLY))
                if os.pread(held[-1], 4096, at) != byte:
                    wrong.append("%d.%d reads something else" % (k, i))
            while len(held) > r.randrange(4):
                os.close(held.pop(r.randrange(len(held))))
        except OSError as e:
            wrong.append("%d.%d: %s" % (k, i, e))
    for fd in held:
        os.close(fd)
threads = [threading.Thread(target=worker, args=(k,)) for k in range(4)]
for t in threads: t.start()
for t in threads: t.join()
sys.exit("\n".join(wrong[:9]) if wrong else 0)
PY

# A mapping that outlives its descriptor: nothing is sealed under it.
mapped() { # a process that maps file $1 to write, closes it, and obeys $top/do
	rm -f "$top/do" "$top/done"
	mkfifo "$top/do" "$top/done"
	/usr/bin/python3 -c '
import ctypes, os, sys
path, top = sys.argv[1:]
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
r = os.open(path, os.O_RDONLY)
w = os.open(path, os.O_RDWR)
m = libc.mmap(None, 4096, 3, 1, w, 0) # read and write, shared; not a mmap, which keeps w
os.close(w)
os.close(r)
for line in open(top + "/do"):
    ctypes.memmove(m, line[:4].encode(), 4)
    with open(top + "/done", "w") as f:
        f.write("done")' "$1" "$top" &
	mapper=$!
	exec 8>"$top/do"
	through_map 0000
}
through_map() { echo "$1" >&8; cat "$top/done" >/dev/null; }
unmap() { exec 8>&-; wait "$mapper"; }
fresh d; mapped d
seal d
through_map 1111
ok "a file that is mapped for writing is not sealed though nobody has it open" \
	until_state d settling
is "what is written there is seen by who opens it now" "$(head -c 4 d)" 1111
through_map 2222
is "and by who opens it then" "$(head -c 4 d)" 2222
is "to write as well" "$(exec 6<>d; head -c 4 <&6)" 2222
through_map 4444
is "and no cache stands in between" "$(exec 6<>d; head -c 4 <&6)" 4444
seal d # opening it to write took that back
unmap
ok "it is when the mapping is gone" until_state d sealed
is "as it was then" "$(head -c 4 d)" 4444
fresh d2; mapped d2
kill -KILL "$daemon"; wait "$daemon" 2>/dev/null; daemon=
cd / && umount -l "$M"
start "${settings[@]}" 8>&-
cd "$M" || exit 1
seal d2
through_map 3333
ok "nor is one that a daemon left mapped that was killed" until_state d2 settling
is "what is written there is seen" "$(head -c 4 d2)" 3333
unmap
ok "it is sealed when that mapping is gone" until_state d2 sealed
ok "and then passed" passes d2

# Classes in which what is sealed is looked at by writers.
for p in log mirror; do mkdir $p; setfattr -n user.notary.preset -v $p $p; done
fresh log/a; fresh mirror/a
ok "a log is not passed" copies log/a
ok "nor is what may have versions" copies mirror/a
cp "$top/big" x.part
ok "a reader that was passed keeps on when its file becomes a log" py '
import time
def state(p): return os.getxattr(p, "user.notary.state")
def sealed(p):
    os.setxattr(p, "user.notary.seal", b"1")
    while state(p) not in (b"sealed", b"notarized"): time.sleep(.02)
r = os.open("x.part", os.O_RDONLY)
os.rename("x.part", "log/x")
def refused(why):
    try: sys.exit("a descriptor %d that could be mapped" % os.open("log/x", os.O_RDWR | os.O_APPEND))
    except OSError as e: same(e.strerror, why)
refused("Text file busy")
sealed("log/x")
refused("Operation not permitted")
a = os.open("log/x", os.O_WRONLY | os.O_APPEND)
os.write(a, b"more")
same(os.pread(r, 9, 1 << 20), b"more")'
cp "$top/big" y.part
ok "and when it gets versions, a mapping cannot reach what is sealed" py '
import time
def state(p): return os.getxattr(p, "user.notary.state")
r = os.open("y.part", os.O_RDONLY)
os.rename("y.part", "mirror/y")
os.setxattr("mirror/y", "user.notary.seal", b"1")
while state("mirror/y") not in (b"sealed", b"notarized"): time.sleep(.02)
w = os.open("mirror/y", os.O_RDWR)
m = mmap.mmap(w, 0, mmap.MAP_SHARED)
m[:5] = b"later"
same(os.pread(r, 5, 0), b"later")
for at, _, names in os.walk(sys.argv[2]):
    for n in names:
        same(open(os.path.join(at, n), "rb").read() == open(sys.argv[1], "rb").read(), True)' "$top/big" "$F.versions"

cp "$top/big" z; touch -a -d '2020-01-02 03:04:05.5' z; seal z; until_state z sealed
cmp -s z "$top/big" && passes z
is "what is passed keeps its access time" "$(stat -c %x z "$F/z" | sort -u | cut -c1-21)" '2020-01-02 03:04:05.5'

printf small >s; seal s; until_state s sealed
is "a small one is as it was" "$(cat s)" small
# Without CAP_LEASE nobody says who can write to the files of others.
cd / && stop
under="setpriv --bounding-set=-lease --inh-caps=-lease" start "${settings[@]}"
cd "$M" || exit 1
fresh own; fresh other; chown 1000 other
ok "without that right one's own file is passed" passes own
ok "another's is not" copies other
seal other; until_state other sealed
ok "until it is sealed" passes other
cd / || exit 1
chattr -R -i "$F.versions"
finish
