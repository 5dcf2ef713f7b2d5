#!/bin/sh
# run.sh SECONDS TARGET…: libFuzzer on each target for so long, two at a time: tests/fuzz/fuzz_TARGET.c, or
# fuzz_format for the format TARGET. What they learn is kept in build/fuzz/corpus, made small first; a
# finding is left in build/fuzz/found. Prints a line a target; exit status 1 if there was a finding.
set -u
dir=build/fuzz

# The readers of formats leave their memory behind (fuzz_format.c): after so many inputs they start anew.
ROUND=5000
export ASAN_OPTIONS=detect_leaks=0

one() {
	seconds=$1 target=$2
	program=$dir/tests/fuzz/fuzz_$target
	seeds=
	if [ ! -x "$program" ]; then
		program=$dir/tests/fuzz/fuzz_format
		seeds=$dir/seeds/$target
	fi
	corpus=$dir/corpus/$target
	log=$dir/log/$target
	mkdir -p "$corpus" "$dir/found" "$dir/log"
	: >"$log"
	end=$(($(date +%s) + seconds))
	if [ "$(find "$corpus" -type f | wc -l)" -gt 500 ]; then
		mkdir "$corpus.small" && timeout "$seconds" env FUZZ_FORMAT="$target" "$program" -merge=1 -detect_leaks=0 \
			"$corpus.small" "$corpus" >/dev/null 2>&1 && rm -r "$corpus" && mv "$corpus.small" "$corpus"
		rm -rf "$corpus.small"
	fi
	status=0
	while [ $status = 0 ] && left=$((end - $(date +%s))) && [ $left -gt 0 ]; do
		FUZZ_FORMAT=$target "$program" -max_total_time=$left -runs=$ROUND -timeout=10 -rss_limit_mb=2500 \
			-detect_leaks=0 -print_final_stats=1 -artifact_prefix="$dir/found/$target-" \
			"$corpus" ${seeds:+"$seeds"} >>"$log" 2>&1
		status=$?
	done
	runs=$(sed -n 's/^stat::number_of_executed_units: //p' "$log" | paste -sd+)
	echo "  $target: $((${runs:-0})) inputs, $(find "$corpus" -type f | wc -l) kept$([ $status = 0 ] || echo ', A FINDING')"
	if [ $status != 0 ]; then
		grep -E 'ERROR|SUMMARY|refuses|assert|Test unit written' "$log" | sed 's/^/        /'
	fi
	return $status
}

if [ "$1" = -one ]; then
	one "$2" "$3"
	exit
fi
seconds=$1
shift
mkdir -p $dir/results
printf '%s\n' "$@" | xargs -n 1 -P 2 "$0" -one "$seconds" | tee $dir/results/said
failed=$(grep -c 'A FINDING' $dir/results/said)
echo "$(($# - failed)) $failed 0" >$dir/results/fuzz
echo "fuzz: $(($# - failed)) passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
