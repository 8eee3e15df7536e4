#!/bin/sh
# layering: who may include and link what (core/CMakeLists.txt says why).
cd "$(dirname "$0")/../.." || exit 99
build=${NOTARYFS_BUILD:-build}
n=0
# empty WHAT OUTPUT: OUTPUT lists the offenders, and there must be none
empty() {
	n=$((n + 1))
	if [ -z "$2" ]; then echo "ok $n - $1"; return; fi
	echo "not ok $n - $1"
	echo "$2" | sed 's/^/#   /'
	failed=1
}
failed=
include='^[[:space:]]*#[[:space:]]*include[[:space:]]*'

empty "core includes nothing of fs, backends, enclave or tests" \
	"$(grep -nE "$include\"(fs|backends|enclave|tests)/" core/*.[ch])"
empty "core includes libcbor in cborwrite.c only" \
	"$(grep -nE "$include<cbor" core/*.[ch] | grep -v '^core/cborwrite\.c:')"
empty "core knows no FUSE, SQLite, network or JSON library" \
	"$(grep -nE "$include<(fuse|sqlite3|curl|sys/socket|netinet|jansson)" \
		core/*.[ch])"
# The attestor draws serial numbers as it draws keys: from libcrypto.
empty "core knows no clock, chance or sleep of its own" \
	"$(grep -nE '(^|[^_[:alnum:]])(time|clock_gettime|gettimeofday|rand|random|getrandom|RAND_bytes|sleep|usleep|nanosleep)[[:space:]]*\(' \
		core/*.c | grep -vE '^[^:]*:[0-9]*:[[:space:]]*(/\*|\*)' |
		grep -v '^core/attestor_write\.c:.*RAND_bytes')"
empty "core opens no file" \
	"$(grep -nE '(^|[^_[:alnum:]])(open|openat|fopen|creat)[[:space:]]*\(' \
		core/*.c)"
empty "core starts no thread" "$(grep -n 'pthread_create' core/*.c)"
empty "fs includes backends in its main file only" \
	"$(grep -nE "$include\"backends/" fs/*.[ch] |
		grep -vE '^fs/[a-z_]*main\.c:')"
empty "backends include nothing of fs or tests" \
	"$(grep -nE "$include\"(fs|tests)/" backends/*.[ch])"
empty "enclave includes nothing of fs, backends or tests" \
	"$(grep -nE "$include\"(fs|backends|tests)/" enclave/*.[ch])"
empty "what users run includes nothing of tests" \
	"$(grep -nE "$include\"tests/" core/*.[ch] fs/*.[ch] backends/*.[ch] \
		enclave/*.[ch])"

lib=$build/core/libcore_read.a
n=$((n + 1))
if [ -e "$lib" ]; then
	echo "ok $n - $lib is there"
	empty "core_read needs no libcbor" \
		"$(nm -uA "$lib" 2>/dev/null | grep -E ' U _?(cbor_|cborw_)' |
			grep -v ' cbor_head$')"
else
	failed=1
	echo "not ok $n - $lib is there"
fi
echo "1..$n"
[ -z "$failed" ]
