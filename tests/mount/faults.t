#!/bin/sh
# A short run of tests/long/faults: ten deaths at every fault point.
exec "$(dirname "$0")/../long/faults" --hits "${HITS:-10}" --seed "${SEED:-20262}"
