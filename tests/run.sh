#!/bin/sh
# run.sh [-j N] SUITE PROGRAM…: runs each test program, N at a time (1), adds its counts to
# build/results/SUITE and prints, in the given order, what failed, the lines that begin "figure: ", and
# which took longest. A program passes with exit status 0, is skipped with 77. One whose source says
# "Alone:" in its first lines (it measures time) has the machine to itself, after the others; one that says
# "Long:" begins before them, so that no other waits for it at the end.
set -u
here=$(dirname "$0")
jobs=1
if [ "$1" = -j ]; then
	jobs=$2
	shift 2
fi
suite=$1
shift
out=${BUILD:-build}/results
mkdir -p "$out"
logs=$(mktemp -d "$out/$suite.XXXXXX") || exit 1
trap 'rm -rf "$logs"' EXIT

source_of() {
	case $1 in
	*.mjs | *.sh) echo "$1" ;;
	*) echo "${1#"${BUILD:-build}"/}.c" ;;
	esac
}

# What may have company first; the others after them.
long='' with='' alone=''
for t in "$@"; do
	case $(head -n 12 "$(source_of "$t")" 2>/dev/null | grep -o -m 1 -E '(Alone|Long):') in
	Alone:) alone="$alone $t" ;;
	Long:) long="$long $t" ;;
	*) with="$with $t" ;;
	esac
done
with="$long$with"
{
	# shellcheck disable=SC2086
	[ -z "$with" ] || printf '%s\n' $with | xargs -n 1 -P "$jobs" "$here/run_one.sh" "$logs"
	# shellcheck disable=SC2086
	[ -z "$alone" ] || printf '%s\n' $alone | xargs -n 1 "$here/run_one.sh" "$logs"
} &
runner=$!
trap 'kill $runner 2>/dev/null; rm -rf "$logs"' EXIT
trap 'exit 130' INT TERM

passed=0 failed=0 skipped=0
# shellcheck disable=SC2086
for t in $with $alone; do
	log=$logs/$(echo "$t" | tr '/' '_')
	while [ ! -e "$log.done" ] && kill -0 $runner 2>/dev/null; do sleep 0.1; done
	read -r status seconds <"$log.done" || status=1 seconds=0
	case $status in
	0) passed=$((passed + 1)); echo "  ok    $t" ;;
	77) skipped=$((skipped + 1)); echo "  skip  $t: $(tail -n 1 "$log.log")" ;;
	*) failed=$((failed + 1)); echo "  FAIL  $t ($status, ${seconds} s)"; tail -n 60 "$log.log" | sed 's/^/        /' ;;
	esac
	grep -hE '^(# )?figure: ' "$log.log" 2>/dev/null | sed 's/^\(# \)*figure: /        /'
	echo "$seconds $t" >>"$logs/times"
	cp "$log.log" "$out/" 2>/dev/null
done
wait $runner
echo "$passed $failed $skipped" >"$out/$suite"
if [ $# -gt 5 ]; then
	echo "  slowest: $(sort -rn "$logs/times" | head -n 5 | sed 's|^\([0-9]*\) .*/\(.*\)|\2 \1 s|' | paste -sd, | sed 's/,/, /g')"
fi
echo "$suite: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
