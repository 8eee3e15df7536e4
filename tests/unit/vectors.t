#!/bin/sh
# vectors.t: the code agrees with every vector file that is at hand: those of
# the project, and the foreign ones that it never commits, where they are.
cd "$(dirname "$0")/../.." || exit 1
foreign=${NOTARYFS_VECTORS:-../shared/vectors}
n=0

# agree KIND DIR
agree() {
	n=$((n + 1))
	if out=$(tests/run-vectors "$1" "$2" 2>&1); then
		echo "ok $n - $1: $2, $(echo "$out" | grep -c '^ok') answers agree"
	else
		echo "not ok $n - $1: every answer in $2 agrees"
		echo "$out" | grep -v '^ok' | sed 's/^#* */# /'
	fi
}

# agree_foreign KIND FOLDER
agree_foreign() {
	if [ -d "$foreign/$2" ]; then
		agree "$1" "$foreign/$2"
	else
		n=$((n + 1))
		echo "# no $foreign/$2: its $1 vectors were NOT checked (set NOTARYFS_VECTORS)" >&2
		echo "ok $n # SKIP no $1 vectors"
	fi
}

if [ ! -x "${NOTARYFS_BUILD:-build}/tests/run-vectors" ]; then
	echo "1..0 # SKIP run-vectors was not built: jansson is missing"
	exit 0
fi
agree chain tests/vectors/chain
agree coding tests/vectors/coding
agree cose tests/vectors/cose
agree nitro tests/vectors/nitro
agree rfc3161 tests/vectors/rfc3161
agree rfc9162 tests/vectors/rfc9162
agree_foreign chain chain
agree_foreign coding .
agree_foreign cose cose
agree_foreign nitro nitro
agree_foreign rfc3161 rfc3161
agree_foreign rfc9162 rfc9162
n=$((n + 1))
again=$(mktemp -d)
same() {
	for kind in cose nitro rfc3161 rfc9162; do
		diff -r "$again/$kind" tests/vectors/$kind >&2 || return 1
	done
}
if tests/vectors/make "$again" >/dev/null && same; then
	echo "ok $n - ours of other people's kinds are made again, byte by byte"
else
	echo "not ok $n - ours of other people's kinds are made again, byte by byte"
fi
rm -rf "$again"
n=$((n + 1))
tests/run-vectors no-such-kind tests/vectors/chain >/dev/null 2>&1
if [ $? = 64 ]; then
	echo "ok $n - a kind that it does not know is wrong usage"
else
	echo "not ok $n - a kind that it does not know is wrong usage"
fi
n=$((n + 1))
if tests/run-vectors chain tests/vectors/coding >/dev/null 2>&1; then
	echo "not ok $n - a folder without vectors of the kind does not pass"
else
	echo "ok $n - a folder without vectors of the kind does not pass"
fi
echo "1..$n"
