#!/bin/bash
# umount, while another mount namespace has the vault mounted too.
here=$(cd "$(dirname "$0")/../.." && pwd)
build=${NOTARYFS_BUILD:-$here/build}
export LC_ALL=C PYTHONPATH=$here/tests/lib
[ -c /dev/fuse ] || { echo "1..0 # SKIP no /dev/fuse here"; exit 0; }
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP a mount namespace needs root"; exit 0; }
[ -x "$build/notaryfs" ] || { echo "1..0 # SKIP $build/notaryfs is not built"; exit 0; }
top=$(mktemp -d)
M=$top/m V=$top/v
mkdir "$M"
export FIFO=$top/fifo
mkfifo "$FIFO"
tap=0 keeper=
tidy() {
	[ -z "$keeper" ] || kill "$keeper" 2>/dev/null
	mountpoint -q "$M" && umount -l "$M"
	chattr -R -i "$V" 2>/dev/null
	rm -rf "$top"
}
trap tidy EXIT
trap 'exit 1' INT TERM
ok() {
	tap=$((tap + 1)); words=$1; shift
	if "$@" >"$top/said" 2>&1; then echo "ok $tap - $words"
	else echo "not ok $tap - $words"; sed 's/^/# /' "$top/said"; fi
}
until_true() { for _ in $(seq 2400); do "$@" && return; sleep 0.05; done; return 1; }
"$build/notaryfs" init "$V" >/dev/null && "$build/notaryfs" mount "$V" "$M" ||
	{ echo "Bail out! no mount"; exit 1; }
# another namespace, which keeps of all vaults those that are named
keep() {
	: >"$top/keeper"
	unshare -m sh -c 'python3 -c "import sys, vaultkit; vaultkit.let_go(*sys.argv[1:])" "$@"
		exec <"$FIFO"; echo in; read -r _' - "$@" >"$top/keeper" &
	keeper=$!
	exec 7>"$FIFO"
	until_true grep -q in "$top/keeper"
}
ok "another namespace has it" keep "$M"
timeout 300 "$build/notaryfs" umount "$M" 2>"$top/err" 7>&- &
umount=$!
ok "umount says who keeps it" until_true grep -q "still mounted for process" "$top/err"
ok "and waits" kill -0 $umount
exec 7>&- # the keeper reads its end
wait "$keeper"; keeper=
ok "until that is gone" wait "$umount"
ok "the vault is free" "$build/notaryfs" mount "$V" "$M"
ok "a test in a namespace of its own" keep
ok "lets go of what others have mounted" timeout 300 "$build/notaryfs" umount "$M" 7>&-
exec 7>&-
wait "$keeper"; keeper=
echo "1..$tap"
