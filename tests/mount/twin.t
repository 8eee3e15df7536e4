#!/bin/sh
# A short run of tests/long/twin, with a seed of its own.
exec "$(dirname "$0")/../long/twin" --steps "${STEPS:-2400}" --round 300 --seed "${SEED:-20264}"
