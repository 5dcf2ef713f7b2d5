#!/bin/sh
# sum.sh FOLDER…: adds the suites' counts up to the closing line; exit status 1 if a test failed or
# none ran.
set -u
for folder in "$@"; do
	cat "$folder"/* 2>/dev/null
done | grep -E '^[0-9]+ [0-9]+ [0-9]+$' | {
	passed=0 failed=0 skipped=0
	while read -r p f s; do
		passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	done
	if [ $skipped -gt 0 ]; then
		echo "$passed passed, $failed failed, $skipped skipped"
	else
		echo "$passed passed, $failed failed"
	fi
	[ $failed = 0 ] && [ $passed -gt 0 ]
}
