#!/bin/bash
# What one handle writes, every other sees, whichever of them goes past the
# kernel's cache; and writing takes setuid away.
. "$(dirname "$0")/minilib.sh"
start settle=1h empty_settle=1h
cd "$M" || exit 1
py() { /usr/bin/python3 -c "import mmap,os,sys
def same(a, b): a == b or sys.exit('%r is not %r' % (a, b))
$1" "${@:2}"; }
ok "a reader follows a file that is being created" py '
w = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
r = os.open("log", os.O_RDONLY)
text = b""
for i in range(300):
    os.write(w, b"%05d\n" % i * (1 + i % 90))
    text += b"%05d\n" % i * (1 + i % 90)
    same(os.pread(r, len(text) + 1, 0), text)
os.close(w)
same(open("log", "rb").read(), text)'
ok "and through a mapping, before and after the close" py '
w = os.open("map", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
os.write(w, b"a" * 5000)
r = os.open("map", os.O_RDONLY)
os.ftruncate(w, 8192); m = mmap.mmap(r, 8192, mmap.MAP_PRIVATE, mmap.PROT_READ)
same(m[4999:5001], b"a\0")
os.write(w, b"b" * 3192)
same(os.pread(r, 2, 4999), b"ab")
os.close(w)
same(open("map", "rb").read(), b"a" * 5000 + b"b" * 3192)
same(m[4999:5001], b"ab")'
ok "stores to a mapping and writes of its creator agree" py '
w = os.open("both", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
os.ftruncate(w, 8192)
m = mmap.mmap(w, 8192)
m[100:103] = b"map"
os.pwrite(w, b"write", 4096)
same(os.pread(w, 3, 100), b"map")
same(m[4096:4101], b"write")
m[4096:4100] = b"more"
os.close(w)
m.close()
same(open("both", "rb").read()[4096:4101], b"moree")'
ok "appending by two, one of them the creator" py '
a = os.open("two", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
b = os.open("two", os.O_WRONLY | os.O_APPEND)
for i in range(100):
    os.write(a, b"a%03d" % i)
    os.write(b, b"b%03d" % i)
os.close(a); os.close(b)
same(open("two", "rb").read(), b"".join(b"a%03db%03d" % (i, i) for i in range(100)))'
ok "a reader beside a writer never sees a page that was replaced" py '
w = os.open("race", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
if os.fork() == 0:
    r, end, size = os.open("race", os.O_RDONLY), 4000 * 97, 0
    while size < end:
        size = os.fstat(r).st_size
        text = os.pread(r, 8192, max(0, size - 4096))
        if text.strip(b"x"):
            os._exit(1)
    os._exit(open("race", "rb").read() != b"x" * end)
for i in range(4000):
    os.write(w, b"x" * 97)
same(os.wait()[1], 0)'
ok "written again after it was read" py '
open("again", "wb").write(b"one")
same(open("again", "rb").read(), b"one")
open("again", "ab").write(b"two")
same(open("again", "rb").read(), b"onetwo")
open("again", "wb").write(b"3")
same(open("again", "rb").read(), b"3")'

# What is known of folders and of attributes changes with them.
mkdir -p d/e; : >d/e/f
is "a file has no attribute" "$(getfattr -d d/e/f)" ""
setfattr -n user.a -v b d/e/f
is "it has the one that is set" "$(getfattr --only-values -n user.a d/e/f)" b
setfattr -x user.a d/e/f
is "and none when that is gone" "$(getfattr -d d/e/f)" ""
setfacl -m u:1:r d/e/f
is "an access list is seen at once" "$(getfacl -cn d/e/f | grep -c user:1:r--)" 1
umask 077; : >d/e/before
setfacl -d -m u::rw,g::r,o::r d/e; : >d/e/after
is "a default list of a folder counts from the next file on" "$(stat -c %a d/e/before d/e/after | tr '\n' ' ')" "600 644 "
setfacl -k d/e; : >d/e/later
is "and no more once it is gone" "$(stat -c %a d/e/later)" 600
umask 022
mkdir -p g/h; echo one >g/h/f; mv g i; mkdir -p g/h
is "a folder that moved took its files along" "$(ls g/h i/h | tr '\n' ' ')" "g/h:  i/h: f "
echo two >g/h/f
is "files go where the name leads" "$(cat i/h/f g/h/f "$F/g/h/f" | tr '\n' ' ')" "one two two "
echo three >g/h/r; echo four >i/h/r; mv i/h/r i/h/s; ln g/h/r g/h/l; rm i/h/f
is "are moved, linked and removed where it leads" "$(cat "$F"/g/h/* "$F"/i/h/* | tr '\n' ' ')" "two three three four "
rm -r g; mkdir g
is "a folder made again is empty" "$(ls g)" ""
ok "and takes files" sh -c 'echo three >g/f && [ "$(cat "'"$F"'/g/f")" = three ]'
ok "a name that was asked for in vain is there when it was made, in whatever way" py '
def way(name, make):
    for _ in range(3):
        same(os.path.lexists(name), False)
    make(name)
    same(os.path.lexists(name), True)
    same(name in os.listdir("."), True)
os.mkdir("ways"); os.chdir("ways")
open("old", "w").write("old"); os.mkdir("was"); open("was/in", "w")
way("opened", lambda n: open(n, "w").write(n))
same(open("opened").read(), "opened")
way("exclusive", lambda n: os.open(n, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
way("folder", os.mkdir)
way("pipe", os.mkfifo)
way("symlink", lambda n: os.symlink("old", n))
way("link", lambda n: os.link("old", n))
way("renamed", lambda n: os.rename("old", n))
same(open("renamed").read(), "old")
same(os.path.lexists("old"), False)
way("old", lambda n: os.link("renamed", n))
same(os.path.lexists("moved/in"), False)
way("moved", lambda n: os.rename("was", n))
same(os.path.lexists("moved/in"), True)
same(os.path.lexists("was/in"), False)'
ok "and is not asked for again meanwhile" sh -c '! ls nowhere && : >"'"$F"'/nowhere" && ! ls nowhere' 2>/dev/null
rm -f "$F/nowhere"
ok "a folder that is gone takes none" sh -c 'mkdir k && cd k && rmdir ../k && ! echo x 2>/dev/null >x'

if [ "$(id -u)" = 0 ]; then
	as() { py 'os.setgid(1); os.setuid(1)
'"$1"; }
	chmod 777 .
	for how in write truncate 'open with O_TRUNC'; do
		: >s; chmod 6777 s
		case $how in
		write) as 'os.write(os.open("s", os.O_WRONLY), b"x")' ;;
		truncate) as 'os.truncate("s", 5)' ;;
		*) as 'os.open("s", os.O_WRONLY | os.O_TRUNC)' ;;
		esac
		is "setuid goes by $how" "$(stat -c %a s)" 777
		rm s
	done
	as 'fd = os.open("own", os.O_WRONLY | os.O_CREAT, 0o777)
os.fchmod(fd, 0o4777)
os.write(fd, b"x")'
	is "and by a write of its creator" "$(stat -c %a own)" 777
	: >c; chmod 777 c
	if setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 c; then
		as 'os.write(os.open("c", os.O_WRONLY), b"x")'
		is "capabilities too" "$(getfattr -n security.capability c 2>/dev/null)" ""
	fi
fi
finish
