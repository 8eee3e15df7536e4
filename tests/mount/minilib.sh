# minilib.sh: a mount of its own for one test, over minimount.
# Usage: . minilib.sh; start [name=value]...; ... ; finish
# TAP comes from ok, is, no (a command that must fail with EPERM).
build=${NOTARYFS_BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build}
export LC_ALL=C
tap=0
[ -c /dev/fuse ] || { echo "1..0 # SKIP no /dev/fuse here"; exit 0; }
[ -x "$build/tests/minimount" ] ||
	{ echo "1..0 # SKIP $build/tests/minimount is not built"; exit 0; }
top=$(mktemp -d)
M=$top/m F=$top/files
mkdir "$M" "$F"
daemon=
stop() {
	[ -n "$daemon" ] || return 0
	kill -TERM "$daemon" 2>/dev/null
	# A daemon that does not end in 2 minutes is a failure of its own.
	for _ in $(seq 1200); do
		kill -0 "$daemon" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL "$daemon" 2>/dev/null && echo "# the daemon had to be killed"
	wait "$daemon"
	status=$?
	daemon=
	return $status
}
tidy() {
	stop
	mountpoint -q "$M" && umount -l "$M"
	chattr -R -i "$F" 2>/dev/null
	[ -z "${KEEP:-}" ] || cp "$top/err" "$KEEP"
	rm -rf "$top"
}
trap tidy EXIT
trap 'exit 1' INT TERM ALRM
start() { # options of minimount, which runs under the command $under, if any
	: >"$top/out"
	${under:-} "$build/tests/minimount" "$F" "$top/db" "$M" "$@" \
		>"$top/out" 2>>"$top/err" &
	daemon=$!
	for _ in $(seq 1200); do
		grep -q mounted "$top/out" && return 0
		kill -0 "$daemon" 2>/dev/null || break
		sleep 0.1
	done
	echo "Bail out! the mount did not come: $(tail -3 "$top/err")"
	exit 1
}
ok() { # words, command...
	tap=$((tap + 1))
	words=$1
	shift
	if "$@" >"$top/said" 2>&1; then
		echo "ok $tap - $words"
	else
		echo "not ok $tap - $words"
		sed 's/^/# /' "$top/said"
	fi
}
is() { # words, got, wanted
	tap=$((tap + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $tap - $1"
	else
		echo "not ok $tap - $1"
		echo "# got '$2', wanted '$3'"
	fi
}
no() { # words, command... that must say EPERM
	tap=$((tap + 1))
	words=$1
	shift
	if "$@" >"$top/said" 2>&1; then
		echo "not ok $tap - $words"
		echo "# it was allowed"
	elif grep -q "Operation not permitted" "$top/said"; then
		echo "ok $tap - $words"
	else
		echo "not ok $tap - $words"
		sed 's/^/# /' "$top/said"
	fi
}
state() { getfattr --only-values -n user.notary.state "$1" 2>/dev/null; }
until_state() { # file state
	for _ in $(seq 1200); do
		[ "$(state "$1")" = "$2" ] && return 0
		sleep 0.05
	done
	echo "still '$(state "$1")'"
	return 1
}
seal() { setfattr -n user.notary.seal -v 1 "$@"; }
finish() {
	stop
	is "the daemon ends well and says nothing of sanitizers" \
		"$?$(grep -c 'ERROR: \|WARNING: T\|runtime error' "$top/err")" 00
	echo "1..$tap"
}
