#!/bin/sh
# The errors of the printed algorithms can still be put back: long/undo does.
exec "$(dirname "$0")/../long/undo" --check
