#!/bin/sh
# A short run of tests/long/kill, with a seed of its own so that it repeats.
exec "$(dirname "$0")/../long/kill" --kills "${KILLS:-10}" --seed "${SEED:-20261}"
