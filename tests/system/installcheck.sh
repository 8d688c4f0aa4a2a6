#!/bin/sh
# make installcheck: runs the programs where they were installed, as their units name them.
#     installcheck.sh DESTDIR SBINDIR BINDIR UNITDIR VERSION
set -eu
destdir=$1 sbindir=$2 bindir=$3 unitdir=$4 version=$5
daemon=$destdir$sbindir/p2pchatd ctl=$destdir$bindir/p2pchatctl
process=
directory=$(mktemp -d "${TMPDIR:-/tmp}/p2pchat-installcheck.XXXXXX")

clean_up()
{
    [ -z "$process" ] || kill "$process" 2>/dev/null || :
    rm -rf "$directory"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

fail()
{
    echo "installcheck: $1" >&2
    exit 1
}

for program in "$daemon" "$ctl"; do
    [ "$("$program" --version)" = "${program##*/} $version" ] || fail "$program: another version"
done
for unit in p2pchatd p2pchat-tracker; do
    grep -q "^ExecStart=$sbindir/p2pchatd" "$destdir$unitdir/$unit.service" ||
        fail "$unit.service does not start $sbindir/p2pchatd"
    grep -q "^ExecReload=!$bindir/p2pchatctl" "$destdir$unitdir/$unit.service" ||
        fail "$unit.service does not reload with $bindir/p2pchatctl"
done

"$daemon" --config=/dev/null --name=here --listen=127.0.0.1:0 --state-dir="$directory/state" \
    --socket="$directory/control.sock" </dev/null 2>"$directory/log" &
process=$!
tries=0
until "$ctl" --socket="$directory/control.sock" status >/dev/null 2>&1; do
    tries=$((tries + 1))
    kill -0 "$process" 2>/dev/null && [ $tries -le 600 ] ||
        fail "$daemon does not answer: $(cat "$directory/log")"
    sleep 0.1
done
"$ctl" --socket="$directory/control.sock" whoami | grep -q here || fail "whoami says otherwise"
"$ctl" --socket="$directory/control.sock" shutdown
wait "$process" || fail "$daemon ended badly: $(cat "$directory/log")"
process=
