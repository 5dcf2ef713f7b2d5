#!/bin/sh
# run.sh SUITE PROGRAM…: runs each test program, adds its counts to build/results/SUITE and prints
# what failed. A program passes with exit status 0, is skipped with 77.
set -u
suite=$1
shift
out=${BUILD:-build}/results
mkdir -p "$out"
passed=0 failed=0 skipped=0
for t in "$@"; do
	log=$out/$(echo "$t" | tr '/' '_').log
	case $t in
	*.mjs) run="node --test $t" ;;
	*) run=$t ;;
	esac
	# shellcheck disable=SC2086
	timeout "${TEST_TIMEOUT:-300}" $run >"$log" 2>&1
	case $? in
	0) passed=$((passed + 1)); echo "  ok    $t" ;;
	77) skipped=$((skipped + 1)); echo "  skip  $t: $(tail -n 1 "$log")" ;;
	*) failed=$((failed + 1)); echo "  FAIL  $t"; tail -n 60 "$log" | sed 's/^/        /' ;;
	esac
done
echo "$passed $failed $skipped" >"$out/$suite"
echo "$suite: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
