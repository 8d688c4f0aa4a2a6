#!/bin/sh
# One seed, one trace: with another layout of the address space, another size of the environment,
# and other bytes in memory that is handed out or given back.
set -u

sim=$top_builddir/tests/sim/sim
scenarios='messages trackers'
big=$(head -c 20000 /dev/zero | tr '\0' x)

# Prints the traces' hashes; what stands before is run in front of the simulator.
hash_of() {
    for scenario in $scenarios; do
        "$@" $sim --scenario=$scenario --seed=7 --seeds=2 |
            sed -n 's/^ok .*trace \([0-9a-f]*\))$/\1/p'
    done
}

check() {
    number=$1 name=$2
    shift 2
    hash=$(hash_of "$@")
    if [ -n "$hash" ] && [ "$hash" = "$first" ]; then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name: ${hash:-no trace} instead of $first"
    fi
}

echo 1..4
first=$(hash_of env -i)
check 1 'the same again' env -i
check 2 'an environment of 20 kB' env -i "BIG=$big"
check 3 'addresses that are not random' env -i setarch -R
check 4 'memory filled with something else' env -i MALLOC_PERTURB_=165 \
    ASAN_OPTIONS=max_malloc_fill_size=65536:malloc_fill_byte=90:max_free_fill_size=65536
