#!/bin/sh
# A short run of tests/long/faults: ten deaths at every fault point, two with
# sanitizers, which are after what they make of the start that follows.
case ${NOTARYFS_BUILD:-} in *asan*|*tsan*) hits=2;; *) hits=10;; esac
exec "$(dirname "$0")/../long/faults" --hits "${HITS:-$hits}" --seed "${SEED:-20262}"
