#!/bin/sh
# Make configure, from a clone.
set -e
cd "$(dirname "$0")"
exec autoreconf -fi
