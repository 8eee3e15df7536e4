#!/bin/bash
# Certificates, waiting and status on the whole program: init, mount, umount.
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
	if "$@" >"$top/said" 2>&1; then echo "ok $tap - $words"
	else echo "not ok $tap - $words"; sed 's/^/# /' "$top/said"; fi
}
fails() { ! "$@"; }
state() { getfattr --only-values -n user.notary.state "$1" 2>/dev/null; }
n() { timeout 600 "$build/notaryfs" "$@"; }

ok "init" n init "$V" --settle 1s
ok "mount" n mount "$V" "$M"
cd "$M" || exit 1
mkdir d
echo content >d/f
ok "there is no certificate before finality" test ! -e d/f.cert
start=$(date +%s)
ok "user.notary.wait waits until it is final" timeout 600 getfattr --only-values -n user.notary.wait d/f
ok "it is notarized" test "$(state d/f)" = notarized
ok "which took the settle time and not much more" test $(($(date +%s) - start)) -lt 20
ok "now there is one" test -s d/f.cert
ok "of mode 0444" test "$(stat -c %a d/f.cert)" = 444
ok "whose size is exact" test "$(stat -c %s d/f.cert)" = "$(cat d/f.cert | wc -c)"
ok "its time is the block's" test $(($(date +%s) - $(stat -c %Y d/f.cert))) -lt 60
ok "the verifier says valid" "$build/notary-verify" --anchor "$V/anchor" d/f
cp d/f.cert "$top/early.cert"; stat -c %s d/f.cert >/dev/null
head -c 20000 /dev/urandom >large
ok "a larger file" n wait large
ok "whose block shows by when the first was final" sh -c 'grep -q "\"final_by\":\"20" d/f.cert.json'
ok "for that the certificate grew, once" test "$(stat -c %s d/f.cert)" -gt "$(stat -c %s "$top/early.cert")"
ok "and its size is exact again" test "$(stat -c %s d/f.cert)" = "$(cat d/f.cert | wc -c)"
cp d/f "$top/early"
ok "the one from before stays valid" "$build/notary-verify" --anchor "$V/anchor" "$top/early"
n cert --range 5000-12000 large >"$top/piece.cert"
dd if=large of="$top/piece" bs=1000 skip=5 count=7 2>/dev/null
ok "a certificate of a part of it" "$build/notary-verify" --anchor "$V/anchor" --range 5000-12000 "$top/piece"
ok "bytes that it does not have" fails n cert --range 5000-20001 large
cp d/f "$top/f"; cp d/f.cert "$top/f.cert"; echo more >>"$top/f"
ok "a changed copy is refused" fails "$build/notary-verify" --anchor "$V/anchor" "$top/f"
ok "the readable form is JSON and says valid" sh -c \
	'/usr/bin/python3 -c "import json,sys; sys.exit(json.load(sys.stdin)[\"verdict\"] != \"valid\")" <d/f.cert.json'
ok "its standard objects are in a folder" test -s d/f.cert.d/s.cose -a -s d/f.cert.d/README
ok "which lists what it has" test "$(ls d/f.cert.d | wc -l)" -gt 10
ok "every one of them" sh -c 'cp -r d/f.cert.d "'"$top"'/parts" && cd "'"$top"'/parts" && cat * >/dev/null'
ok "and others of that kind are not there" test ! -e d/f.cert.d/nothing -a ! -e d/nothing.cert.d -a ! -e d/f.cert.d.cert
ok "openssl takes the sequencer's signature from it" sh -c 'cd "'"$top"'/parts" &&
	openssl dgst -sha256 -verify sequencer.pem -signature s.sig s.tbs'
long=$(printf 'l%.0s' $(seq 255))
also=$(printf 'l%.0s' $(seq 252))
mkdir long
echo long >"long/$long"; echo also >"long/$also"; echo top >"$long"
ok "a name that leaves no room for the suffix" n wait "$long" "long/$long" "long/$also"
ok "has its certificate under a shortened one" "$build/notary-verify" --anchor "$V/anchor" "long/$long"
ok "so has another" "$build/notary-verify" --anchor "$V/anchor" "long/$also"
ok "and one in the root" "$build/notary-verify" --anchor "$V/anchor" "$long"
short="${long:0:229}~$(printf %s "$long" | openssl dgst -sha3-256 -r | cut -c1-16).cert"
ok "the same as elsewhere" cmp "long/$short" ".notary/cert/long/$long"
ok "and its parts" test -s "long/$short.d/s.cose"
ok "nothing has another hash" test ! -e "long/${long:0:229}~0123456789abcdef.cert" -a ! -e "d/$short"
ok "neither is listed" test "$(ls -A d)" = f
ok ".notary/cert/PATH is the same" cmp d/f.cert .notary/cert/d/f
ok "and user.notary.cert" sh -c 'getfattr --only-values -n user.notary.cert d/f | cmp - d/f.cert'
ok "sha-256 of it is a plain one" sh -c 'grep -q "$(sha256sum <d/f | cut -d" " -f1)" d/f.cert.json'
ok "there is no .cert.cert" test ! -e d/f.cert.cert
ok "it cannot be written" fails sh -c 'echo x >>d/f.cert'
ok "nor removed" fails rm -f d/f.cert
ok "nor chmodded" fails chmod 600 d/f.cert
ok "nor exchanged for a real file" /usr/bin/python3 -c '
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
open("real", "w").close()
for a, b in ((b"real", b"d/f.cert"), (b"d/f.cert", b"real")):
    assert libc.renameat2(-100, a, -100, b, 2) < 0 and ctypes.get_errno() == errno.EPERM, (a, ctypes.get_errno())'
rm -f real
ok "but a real file may be renamed onto the name" sh -c 'echo real >x && mv x d/f.cert'
ok "and wins" test "$(cat d/f.cert)" = real
ok "the other way in is still there" cmp "$top/f.cert" .notary/cert/d/f
ok "the anchor is the vault's" cmp .notary/anchor "$V/anchor"
ok "the status is JSON" sh -c '/usr/bin/python3 -m json.tool <.notary/status'
echo 2 >d/g; ln d/g d/h; ln -s g d/s
ok "opening .notary/wait/FILE waits" timeout 600 cat .notary/wait/d/g
ok "and then it is final" test "$(state d/g)" = notarized
ok "user.notary.wait on a folder is for all below" timeout 600 getfattr --only-values -n user.notary.wait d
ok "a hard link has a certificate of its own" "$build/notary-verify" --anchor "$V/anchor" d/h
stranger() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
chmod 755 "$top"; mkdir -m 700 closed; echo s >closed/f; n wait closed/f
ok "a certificate is for everybody" stranger test -s .notary/cert/d/g
for w in cert wait; do
	ok "but for those whom a folder above is closed to: $w" fails stranger cat ".notary/$w/closed/f"
done
setfacl -m u:65534:rx closed 2>/dev/null; sleep 1.1 # as long as the kernel keeps it
ok "its access control list counts, too" stranger test -s .notary/cert/closed/f
echo 3 >w
timeout -s INT 0.3 getfattr -n user.notary.wait w >/dev/null 2>&1
ok "a wait can be interrupted" test "$?" -ne 0
ok "wait on the whole mount" timeout 600 getfattr --only-values -n user.notary.wait .
ok "a listing has no pending state left" sh -c "find . -type f -exec getfattr --only-values -n user.notary.state {} \; | grep -v '^\(notarized\)*$' | wc -l | grep -qx 0"
mkdir many; for i in $(seq 300); do echo "$i" >"many/$i"; done
ok "hundreds at once" timeout 600 getfattr --only-values -n user.notary.wait many
ok "all of them valid" "$build/notary-verify" -r --anchor "$V/anchor" many
mkdir other; for i in $(seq 3000); do : >"other/$i"; done
cd /
ok "umount" n umount "$M"
ok "a suffix that is none" fails n mount "$V" "$M" -o cert_suffix=cert
ok "mount with certificates listed" n mount "$V" "$M" -o list_certs=yes
is() { ok "$1" test "$2" = "$3"; }
is "they are, once each, behind the files" "$(ls -A "$M/many" | sort | uniq -c | awk '{print $1}' | sort -u) $(ls -A "$M/many" | wc -l)" "1 600"
is "with sizes and the rest" "$(ls -l "$M/many" | awk '$5 > 1000 && /r--r--r--/' | wc -l)" 300
is "where there is one and no real file of that name" "$(ls -A "$M/d" | tr '\n' ' ')" "f f.cert f.cert.cert g g.cert h h.cert s s.cert "
is "a second look through one descriptor is the same" "$(/usr/bin/python3 -c 'import os, sys
d = os.open(sys.argv[1], os.O_RDONLY)
print(len(os.listdir(d)), len(os.listdir(d)))' "$M/many")" "600 600"
is "shortened ones, too" "$(ls -A "$M/long" | wc -l) $(ls -A "$M/long" | grep -cFx "$short")" "4 1"
is "what is not final has none" "$(ls -A "$M/other" | wc -l)" 3000
ls "$M/many" >/dev/null
echo late >"$M/many/late"; ls "$M/many" >/dev/null
ok "one that comes late" n seal "$M/many/late"
ok "is final" n wait "$M/many/late"
is "and listed, by whom it was listed before" "$(ls "$M/many" | grep -c '^late')" 2
ok "they are verified where they are" "$build/notary-verify" -r --anchor "$V/anchor" "$M/many"
virtual() { # exit code, words of the answer, command...
	local want=$1 words=$2
	shift 2
	n "$@" >"$top/answer" 2>&1
	[ $? = "$want" ] && grep -q "$words" "$top/answer" && return
	cat "$top/answer"
	return 1
}
ok "a certificate is nothing to seal" virtual 2 'nothing to seal: it is virtual' seal "$M/d/g.cert"
ok "nor what lies in .notary" virtual 2 'nothing to seal: it is virtual' seal -r "$M/.notary"
ok "nor to verify" virtual 2 'nothing to verify: it is virtual' verify "$M/.notary"
ok "nor a certificate" virtual 2 'nothing to verify: it is virtual' verify "$M/d/g.cert"
ok "nor to export" virtual 2 'left out: it is virtual' export "$M/d/g.cert" "$top/virtual"
ok "nor to keep" virtual 1 'it is virtual' retain --for 1d "$M/d/g.cert"
ok "nor to wait for" virtual 2 'it is virtual' wait --timeout 1s "$M/.notary"
ok "and those that are listed are passed over" virtual 0 '^301 valid, 0 refused, 0 without' verify "$M/many"
ok "by an export too" virtual 0 '^.*: 301 files' export "$M/many" "$top/listed"
ok "umount" n umount "$M"
ok "mount with another suffix, listed in the root" n mount "$V" "$M" -o cert_suffix=.proof,list_certs=root
ok "in the root" sh -c "ls '$M' | grep -qx large.proof"
is "and not below" "$(ls -A "$M/d" | tr '\n' ' ')" "f f.cert g h s "
ok "it is found" "$build/notary-verify" --anchor "$V/anchor" "$M/large" "$M/large.proof"
ok "in words and parts too" test -s "$M/large.proof.json" -a -s "$M/large.proof.d/s.cose"
ok "it is there the moment it exists, who asked before or not" /usr/bin/python3 -c 'import os, sys
p = sys.argv[1]
open(p, "w").write("asked for too early\n")
for x in ("", ".json", ".d"):
    if os.path.exists(p + ".proof" + x):
        sys.exit("it is there already")
os.setxattr(p, "user.notary.seal", b"1")
os.getxattr(p, "user.notary.wait")
for x in ("", ".json", ".d"):
    os.stat(p + ".proof" + x)' "$M/early"
ok "and the other is not" test ! -e "$M/large.cert" -a ! -e "$M/large.proof.proof"
ok "umount" n umount "$M"
ok "mount again" n mount "$V" "$M"
ok "a certificate from before is the same" cmp "$top/f.cert" "$M/.notary/cert/d/f"
mkdir "$top/back"
ok "restored from three buckets" n restore --anchor "$V/anchor" "$top/back" "$V"/buckets/[024]
ok "it is the same" cmp "$top/back/.certs/large.cert" "$M/large.cert"
ok "and a new file gets one in the new epoch" sh -c "echo 4 >'$M/new' && timeout 600 getfattr -n user.notary.wait '$M/new' && '$build/notary-verify' --anchor '$V/anchor' '$M/new'"
ok "umount" n umount "$M"
echo "1..$tap"
