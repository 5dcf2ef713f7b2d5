#!/bin/sh
# run_one.sh FOLDER PROGRAM: one test for run.sh: its output in FOLDER/PROGRAM.log, its exit status and
# seconds in FOLDER/PROGRAM.done.
log=$1/$(echo "$2" | tr '/' '_')
case $2 in
*.mjs) run="node --test $2" ;;
*) run=$2 ;;
esac
from=$(date +%s)
# shellcheck disable=SC2086
timeout "${TEST_TIMEOUT:-900}" $run >"$log.log" 2>&1
status=$?
# node calls a file of skipped tests passed.
if [ $status = 0 ] && grep -qx '# pass 0' "$log.log" && ! grep -qx '# skipped 0' "$log.log"; then
	grep -m 1 -o '# SKIP .*' "$log.log" | cut -c 8- >>"$log.log"
	status=77
fi
echo "$status $(($(date +%s) - from))" >"$log.tmp"
mv "$log.tmp" "$log.done"
