#!/bin/bash
# What is not sealed behaves as in a plain folder: the calls of posix_table.py
# are made in both, and must come out the same but for the two that FUSE does
# not carry (contrib/docs/differences.md).
. "$(dirname "$0")/minilib.sh"
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP gives files to others: root only"; exit 0; }
chmod 755 "$top"
# With the usual soft limit of open files, of which the table wants 5,000.
under="prlimit --nofile=1024:" start settle=1h empty_settle=1h
mkdir "$top/plain"
table() { timeout 600 /usr/bin/python3 "$(dirname "$0")/posix_table.py" "$1"; }
carried() { grep -v '^O_TMPFILE: \|^statx: time of birth: ' "$1"; }
ok "the table in a plain folder" table "$top/plain"
cp "$top/said" "$top/wanted"
ok "the table in the mount" table "$M"
cp "$top/said" "$top/got"
is "both say something of everything" "$(cut -d: -f1 "$top/got" | wc -l)" \
	"$(grep -c '^@row' "$(dirname "$0")/posix_table.py")"
while read -r line; do
	words=${line%%: \[*}
	is "as in a plain folder: ${words:0:60}" \
		"$(grep -cxF -- "$line" "$top/got")" 1
done < <(carried "$top/wanted")
# bindfs, which only passes through, differs in more of it.
others() { carried "$1" | grep -cvxFf "$top/wanted"; }
if command -v bindfs >/dev/null; then
	mkdir "$top/src" "$top/bindfs"
	bindfs "$top/src" "$top/bindfs"
	ok "the table in bindfs" table "$top/bindfs"
	umount "$top/bindfs"
	cp "$top/said" "$top/bound"
	ours=$(others "$top/got") theirs=$(others "$top/bound")
	is "rows that differ: $ours here, $theirs in bindfs: fewer here" \
		"$((ours < theirs))" 1
	diff "$top/wanted" "$top/bound" | grep '^>' | cut -c1-200 | sed 's/^>/# bindfs:/'
else
	echo "# SKIPPED: bindfs is not installed; it was NOT compared"
fi
diff "$top/wanted" "$top/got" | cut -c1-500 | sed 's/^/# /'
is "O_TMPFILE is not carried by the mount" \
	"$(grep '^O_TMPFILE' "$top/got")" "O_TMPFILE: ENOTSUP"
is "nor is the time of birth" \
	"$(grep '^statx' "$top/got")" "statx: time of birth: False"
# A record names its file by its path below the mount.
deep() { /usr/bin/python3 -c '
import errno, os, sys
os.chdir(sys.argv[1])
for _ in range(17):
    try:
        os.mkdir("z" * 250)
    except OSError as e:
        sys.exit(errno.errorcode[e.errno])
    os.chdir("z" * 250)' "$1"; }
ok "a plain folder goes deeper than 4,095 bytes" deep "$top/plain"
is "the mount says ENAMETOOLONG" "$(deep "$M" 2>&1)" ENAMETOOLONG
finish
