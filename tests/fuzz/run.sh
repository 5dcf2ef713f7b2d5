#!/bin/sh
# run.sh SEED SECONDS TARGET…: libFuzzer on each target, two at a time: tests/fuzz/fuzz_TARGET.c, or
# fuzz_format for the format TARGET. A finding is left in build/fuzz/found. Prints a line a target; exit
# status 1 if there was a finding.
#
# SECONDS 0: so many inputs as inputs() says, from build/fuzz/seeds alone: the same seed and program walk
# the same way on any machine, however busy. Else for so long; what was learned is kept in build/fuzz/corpus,
# made small first, and the next run begins with it, unless FRESH is set.
set -u
dir=build/fuzz

# The readers of formats leave their memory behind (fuzz_format.c): after so many inputs they start anew.
ROUND=5000
# What one input may compute. A wall clock would blame a busy machine, so an input over WALL_S is tried by
# itself with so much CPU before it counts as a finding.
CPU_S=10 WALL_S=30
# Nor may the addresses that the system gives by chance say where to go.
alike=
setarch -R true 2>/dev/null && alike='setarch -R'

# What takes some 4 s of CPU, by the rates measured on one core of a server of 2025; 60 s of the parsers that
# anybody on the network, or the model's server, talks to.
inputs() {
	case $1 in
	http) echo 150000 ;;
	cite) echo 500000 ;;
	frames) echo 10000000 ;;
	model_sse) echo 1350000 ;;
	multipart) echo 850000 ;;
	query) echo 650000 ;;
	md | html | pdf) echo 800 ;;
	py | txt) echo 1500 ;;
	fts | csv | tsv | eml | rtf | mbox) echo 3000 ;;
	xml | mhtml | msg) echo 6000 ;;
	json) echo 20000 ;;
	analyse) echo 30000 ;;
	events) echo 100000 ;;
	extracted) echo 150000 ;;
	*) echo 5000 ;; # the archives
	esac
}

# round SEED RUNS SECONDS TIMEOUT_S: one process, from the inputs listed; new ones go to $corpus.new.
round() {
	find "$corpus" $seeds -type f 2>/dev/null | LC_ALL=C sort | paste -sd, | tr -d '\n' >"$log.list"
	mkdir -p "$corpus.new"
	# shellcheck disable=SC2086
	ASAN_OPTIONS=detect_leaks=$leaks FUZZ_FORMAT=$target $alike "$program" -seed="$1" -runs="$2" -max_total_time="$3" -timeout="$4" \
		-report_slow_units=1000000 -rss_limit_mb=2500 -detect_leaks="$leaks" -reload=0 \
		-print_final_stats=1 -artifact_prefix="$dir/found/$target-" \
		"$corpus.new" $([ -s "$log.list" ] && echo "-seed_inputs=@$log.list") >>"$log" 2>&1
	status=$?
}

# 0: the input that took longer than WALL_S computes for less than CPU_S.
only_waited() {
	slow=$(sed -n 's/.*Test unit written to \(.*timeout-[0-9a-f]*\)$/\1/p' "$log" | tail -n 1)
	[ -n "$slow" ] && (ulimit -t $CPU_S && ASAN_OPTIONS=detect_leaks=0 FUZZ_FORMAT=$target "$program" -timeout=0 -rss_limit_mb=2500 \
		"$slow") >>"$log" 2>&1 && rm -f "$slow"
}

shrink() {
	mkdir "$corpus.small" && timeout "$1" env ASAN_OPTIONS=detect_leaks=0 FUZZ_FORMAT="$target" "$program" -merge=1 \
		"$corpus.small" "$corpus" >/dev/null 2>&1 && rm -r "$corpus" && mv "$corpus.small" "$corpus"
	rm -rf "$corpus.small"
}

one() {
	seed=$1 seconds=$2 target=$3
	program=$dir/tests/fuzz/fuzz_$target
	seeds=$dir/seeds/$target
	leaks=1 most=2000000000
	if [ ! -x "$program" ]; then
		program=$dir/tests/fuzz/fuzz_format
		leaks=0 most=$ROUND
	fi
	corpus=$dir/corpus/$target
	[ "$seconds" != 0 ] && [ -z "${FRESH:-}" ] || corpus=$dir/walk/$target
	log=$dir/log/$target
	mkdir -p "$corpus" "$dir/found" "$dir/log"
	: >"$log"
	if [ "$seconds" = 0 ]; then
		todo=$(inputs "$target")
		end=0
	else
		todo=2000000000
		end=$(($(date +%s) + seconds))
		[ "$(find "$corpus" -type f | wc -l)" -le 500 ] || shrink "$seconds"
	fi
	status=0
	while [ $status = 0 ] && [ "$todo" -gt 0 ]; do
		left=0
		if [ $end -gt 0 ]; then
			left=$((end - $(date +%s)))
			[ $left -gt 0 ] || break
		fi
		runs=$((todo < most ? todo : most))
		round "$seed" $runs $left $WALL_S
		if [ $status = 70 ] && only_waited; then
			rm -rf "$corpus.new"
			round "$seed" $runs $left 0
		fi
		find "$corpus.new" -type f -exec mv {} "$corpus/" \;
		rm -rf "$corpus.new"
		todo=$((todo - runs)) seed=$((seed + 1))
	done
	runs=$(sed -n 's/^stat::number_of_executed_units: //p' "$log" | paste -sd+)
	echo "  $target: $((${runs:-0})) inputs, $(find "$corpus" -type f | wc -l) kept$([ $status = 0 ] || echo ', A FINDING')"
	if [ $status != 0 ]; then
		grep -E 'ERROR|SUMMARY|refuses|assert|Test unit written' "$log" | sed 's/^/        /'
	fi
	return $status
}

if [ "$1" = -one ]; then
	one "$2" "$3" "$4"
	exit
fi
seed=$1 seconds=$2
shift 2
mkdir -p $dir/results
rm -rf $dir/walk
echo "fuzz: seed $seed (make fuzz SEED=$seed)"
printf '%s\n' "$@" | xargs -n 1 -P 2 "$0" -one "$seed" "$seconds" | tee $dir/results/said
failed=$(grep -c 'A FINDING' $dir/results/said)
echo "$(($# - failed)) $failed 0" >$dir/results/fuzz
echo "fuzz: $(($# - failed)) passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
