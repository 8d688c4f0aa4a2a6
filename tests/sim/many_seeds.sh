#!/bin/sh
# Many seeds, on all processors: what `make check-sim SIM_SEEDS=2500` runs.
exec "$top_builddir/tests/sim/sim" --total="$SIM_SEEDS" --jobs="$(nproc || echo 2)"
