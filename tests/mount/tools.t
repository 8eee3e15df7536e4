#!/bin/bash
# Real tools on a real mount: what they leave is what they would leave on any
# file system, and a second run finds nothing to do.
. "$(dirname "$0")/minilib.sh"
src=$top/src
mkdir "$src" "$src/sub" "$src/empty"
cp -a /usr/include/openssl "$src/ssl"
cp -a "$(dirname "$0")" "$src/sub/tests"
printf hello >"$src/hello"; ln -s hello "$src/soft"; ln "$src/hello" "$src/hard"
long=$(printf 'n%.0s' $(seq 255)); echo long >"$src/$long"
chmod 444 "$src/sub/tests/ops.t"; chmod 4755 "$src/hello"
setfattr -n user.color -v blue "$src/hello"
truncate -s 4M "$src/sparse"; printf end >>"$src/sparse"
# Old and odd times: rsync takes one of this second for the same.
find "$src" -depth -exec touch -h -d 2002-02-02T02:02:02.222222222 {} +
# type, mode, owner, size, mtime, links and name of everything below a folder
list() { (cd "$1" && find . ! -type d -printf '%y %m %U %G %s %T@ %n %l %P\n' | sort; find . -type d -printf '%m %U %G %T@ %P\n' | sort); }
list "$src" >"$top/want"
same() { diff -r --no-dereference "$src" "$1" && list "$1" | diff "$top/want" -; }
quiet() { [ -z "$("$@")" ]; }

# Nothing settles under a tool that a busy machine holds up.
start settle=1h settle_max=1h
ok "cp -a" cp -a "$src" "$M/cp"
ok "leaves what it copied" same "$M/cp"
is "a hole stays a hole" "$(($(stat -c %b "$M/cp/sparse") < 64))" 1
is "user.* attributes are copied" "$(getfattr --only-values -n user.color "$M/cp/hello")" blue
tar --format=posix -C "$src" -cf "$top/t.tar" .
mkdir "$M/tar"
ok "tar x" tar -C "$M/tar" -xpf "$top/t.tar"
ok "leaves what it packed" same "$M/tar"
ok "rsync -aH" rsync -aH "$src/" "$M/rsync/"
ok "leaves what it copied" same "$M/rsync"
(cd "$src" && zip -qry "$top/z.zip" ssl soft)
ok "unzip" unzip -q "$top/z.zip" -d "$M/zip"
ok "leaves what it packed" diff -r --no-dereference "$src/ssl" "$M/zip/ssl"
git init -q "$top/repo" && (cd "$top/repo" && cp -r "$src/ssl" . && git add . &&
	git -c user.name=n -c user.email=e@example commit -qm one)
ok "git clone into the mount" git clone -q --no-hardlinks "$top/repo" "$M/clone"
ok "git clone out of the mount" git clone -q "$M/clone" "$top/back"
ok "git fsck there" git -C "$M/clone" fsck --full
ok "the work trees agree" diff -r "$top/repo/ssl" "$top/back/ssl"
/usr/bin/python3 - "$M/mapped" <<'PY'
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o644)
os.ftruncate(fd, 10000)
m = mmap.mmap(fd, 10000)
os.close(fd)
m[:5] = b"first"
m[9995:] = b"after"
m.flush()
m.close()
PY
is "a shared mapping writes after close" "$(tail -c 5 "$M/mapped")" after
vim.tiny -es -N -u NONE -c 'set swapfile' -c 'normal iedited' -c wq "$M/vim.txt" </dev/null
is "vim writes a file" "$(cat "$M/vim.txt")" edited
is "and leaves no other" "$(ls -A "$M" | grep -c vim)" 1

stop; start settle=1s
ok "all seals" until_state "$M/cp/ssl/ssl.h" sealed
ok "all seals: rsync" until_state "$M/rsync/ssl/x509.h" sealed
ok "all seals: vim" until_state "$M/vim.txt" sealed
ok "a second cp -a tree is as it was" same "$M/cp"
ok "a second rsync -aH finds nothing to do" quiet rsync -aHi "$src/" "$M/rsync/"
ok "rsync --link-dest to sealed files" rsync -aH --link-dest="$M/rsync" "$src/" "$M/rsync2/"
is "makes links" "$(stat -c %h "$M/rsync2/ssl/ssl.h")" 2
ok "tar c out of the mount" tar --format=posix -C "$M/tar" -cf "$top/t2.tar" .
mkdir "$top/again" && tar -C "$top/again" -xpf "$top/t2.tar"
ok "and everything is in it" same "$top/again"
ok "tar --skip-old-files over sealed ones is clean" tar -C "$M/tar" --skip-old-files -xf "$top/t.tar"
ok "tar x over sealed ones fails" sh -c "! tar -C '$M/tar' -xf '$top/t.tar' 2>/dev/null"
no "rm -rf is refused" rm -rf "$M/cp/ssl"
ok "nothing is lost by it" same "$M/cp"
no "sed -i is refused" sed -i s/a/b/ "$M/tar/hello"

# The same after a new start: sealed is known, not guessed.
stop; start settle=1s
is "sealed after a new start" "$(state "$M/cp/ssl/ssl.h")" sealed
ok "and the same" same "$M/cp"
no "and write-once" sh -c "echo no >>'$M/cp/ssl/ssl.h'"
finish
