#!/bin/sh
# check.sh: every suite of `make check`, in about the time that the machine computes for them: tests wait
# for each other, for timers and browsers, and meanwhile what waits for nothing (compiling for the
# sanitizers, lint, the fuzzers' fixed number of inputs) goes on behind them at low priority. What that
# says is shown when it is over. Called by make, with its MAKE, BUILD and SEED.
set -u
make="${MAKE:-make} --no-print-directory"
behind=${BUILD:-build}/behind
rm -rf "$behind" && mkdir -p "$behind"

go_behind() {
	for suite in asan-build lint fuzz-short; do
		$make $suite >"$behind/$suite.log" 2>&1
		echo $? >"$behind/$suite.tmp"
		mv "$behind/$suite.tmp" "$behind/$suite.done"
	done
}

# Its own session, so that all of it can be ended with this script.
if [ "${1:-}" = -behind ]; then
	go_behind
	exit
fi
export SEED
echo "seed $SEED (make check SEED=$SEED)"
setsid nice -n 15 "$0" -behind &
pid=$!
trap 'kill -- -$pid 2>/dev/null' EXIT
trap 'exit 130' INT TERM

failed=
await() {
	while [ ! -e "$behind/$1.done" ] && kill -0 $pid 2>/dev/null; do sleep 0.2; done
	cat "$behind/$1.log"
	[ "$(cat "$behind/$1.done" 2>/dev/null)" = 0 ] || failed="$failed $1"
}

for suite in unit flow browser quality fault-short; do
	$make $suite || failed="$failed $suite"
done
await asan-build
for suite in asan-unit asan-alloc; do
	$make $suite || failed="$failed $suite"
done
await lint
await fuzz-short
[ -z "$failed" ] || echo "failed:$failed"
[ -z "$failed" ]
