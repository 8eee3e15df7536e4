#!/bin/bash
# export: a folder that a stranger checks without the vault.
build=${NOTARYFS_BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build}
export LC_ALL=C
[ -c /dev/fuse ] || { echo "1..0 # SKIP no /dev/fuse here"; exit 0; }
[ -x "$build/notaryfs" ] || { echo "1..0 # SKIP $build/notaryfs is not built"; exit 0; }
top=$(mktemp -d)
M=$top/m
V=$top/v
mkdir "$M"
tap=0
tidy() {
	cd /
	mountpoint -q "$M" && timeout 600 "$build/notaryfs" umount "$M" >/dev/null 2>&1
	mountpoint -q "$M" && umount -l "$M"
	chattr -R -i "$V" 2>/dev/null
	rm -rf "$top"
}
trap tidy EXIT
trap 'exit 1' INT TERM
ok() {
	tap=$((tap + 1)); words=$1; shift
	[ ! -e "$top/said" ] || mv "$top/said" "$top/before"
	if "$@" >"$top/said" 2>&1; then echo "ok $tap - $words"
	else echo "not ok $tap - $words"; sed 's/^/# /' "$top/said"; fi
}
code() { # code command...
	local want=$1
	shift
	"$@"
	local got=$?
	[ $got = "$want" ] || { echo "exit $got, not $want"; return 1; }
}
n() { timeout 600 "$build/notaryfs" "$@"; }
n init "$V" --settle 1h >/dev/null && n mount "$V" "$M" || { echo "Bail out! no mount"; exit 1; }

mkdir -p "$M/case/7/photos" "$M/other"
echo report >"$M/case/7/report.txt"
head -c 3000000 /dev/urandom >"$M/case/7/photos/large.raw"
chmod 4755 "$M/case/7/report.txt"
touch -d 2020-02-02 "$M/case/7/photos/large.raw"
ln -s report.txt "$M/case/7/newest"
echo mine >"$M/case/7/report.txt.cert" # a real file of that name
mkdir "$M/case/7/empty"
echo not this >"$M/other/f"
long=$(printf '%0251d' 7)
echo long >"$M/case/7/$long"
ok "seal" n seal -r "$M/case" "$M/other"
ok "wait" n wait "$M/case" "$M/other"
ok "export a folder" code 0 n export "$M/case" "$top/out"
cd "$top/out" || exit 1
ok "it has what was there" diff -r --no-dereference "$M/case" files/case
ok "and nothing else" test ! -e files/other
ok "with the recorded time" test "$(stat -c %Y files/case/7/photos/large.raw)" = "$(date -d 2020-02-02 +%s)"
ok "but no setuid bit" test "$(stat -c %a files/case/7/report.txt)" = 755
ok "the anchor is the vault's" cmp anchor "$V/anchor"
ok "and stands on the page" grep -q "$(cat "$V/anchor")" VERIFY.txt
ok "which says the trust class" grep -q 'local software' VERIFY.txt
ok "unmount the vault and put it away" sh -c '"$0" umount "$1" && chattr -R -f -i "$2"; mv "$2" "$2.away"' "$build/notaryfs" "$M" "$V"
# What the page says, with the program that came along.
check=$(sed -n 's/^    notary-verify --anchor ANCHOR -r/.\/notary-verify --anchor "$(cat anchor)" -r/p' VERIFY.txt)
ok "the page has a command for all" test -n "$check"
ok "and by it all is valid" sh -c "$check"
ok "every file" grep -q '^4 valid, 0 refused, 0 incomplete' "$top/before"
one=$(sed -n 's/^    notary-verify --anchor ANCHOR files/.\/notary-verify --anchor "$(cat anchor)" files/p' VERIFY.txt |
	sed 's/PATH/case\/7\/report.txt/g')
ok "and for one" sh -c "$one"
echo x >>files/case/7/report.txt
ok "a changed copy is refused" code 1 sh -c "$check"
cd "$top" || exit 1
mv "$V.away" "$V"
ok "mount again" n mount "$V" "$M"
ok "where something is nothing is exported" code 1 n export "$M/case" "$top/out"
ok "and it is as it was" grep -q x "$top/out/files/case/7/report.txt"
mkdir "$top/two"
ok "several paths, into an empty folder" code 0 n export "$M/other/f" "$M/case/7/report.txt" "$top/two"
ok "have their paths" test -f "$top/two/files/other/f" -a -f "$top/two/certificates/case/7/report.txt.cert"
ok "one named twice is said" code 1 n export "$M/other" "$M/other/f" "$top/twice"
exec 5>"$M/other/open"; echo open >&5
ok "what is not final is left out, exit 2" code 2 n export "$M/other" "$top/three"
ok "and named" grep -q 'open is left out' "$top/before"
ok "the rest is there" test -f "$top/three/files/other/f" -a ! -e "$top/three/files/other/open"
exec 5>&-
mkfifo "$M/other/pipe"
ok "so is a FIFO, which has nothing to certify" code 2 n export "$M/other/pipe" "$top/pipe"
ok "and named with the reason" grep -q 'pipe is left out: devices, FIFOs and sockets are never' "$top/before"
ok "the same as JSON" code 2 n export --json "$M/other/pipe" "$M/other/f" "$top/json"
ok "has the numbers" grep -qxF "{\"folder\":\"$top/json\",\"files\":1,\"bytes\":9,\"left_out\":1,\"refused\":0}" "$top/before"
ok "a path outside is refused" code 1 n export "$top/two" "$top/four"
ok "and nothing made" test ! -e "$top/four"
ok "into the mount itself: refused" code 1 n export "$M/case" "$M/case/out"
ok "and nothing is made there" test ! -e "$M/case/out"
ln -s "$M/case" "$top/into"
ok "nor by a link from outside" code 1 n export "$M/other" "$top/into/out"
ok "which is said" grep -q 'into/out lies in the vault that is mounted at' "$top/before"
ok "nor into what the link leads to" code 1 n export "$M/other" "$top/into"
ok "which is said too" grep -q 'into lies in the vault that is mounted at' "$top/before"
ok "nor is a vault made in one by a link" code 1 n init "$top/into/vault"
ok "and nothing is made there" test ! -e "$M/case/out" -a ! -e "$M/case/vault"
ok "without a folder it is wrong usage" code 64 n export "$M/other"
echo "1..$tap"
