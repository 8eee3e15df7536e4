#!/bin/sh
# A short run of tests/long/model, with a seed of its own so that it repeats.
exec "$(dirname "$0")/../long/model" --steps "${STEPS:-8000}" --remounts 2 --seed "${SEED:-20263}"
