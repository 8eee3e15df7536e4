#!/bin/sh
# A short run of tests/long/versions, with a seed of its own so that it repeats.
exec "$(dirname "$0")/../long/versions" --steps "${STEPS:-2400}" --seed "${SEED:-20264}"
