#!/bin/sh
# lint.sh: the arrows of the design, formatting, and calls that are not used here. Prints every
# finding; exit status 1 if there is one.
set -u
cd "$(dirname "$0")/.." || exit 1
found=0

say() {
	found=1
	printf '%s\n' "$2" | sed "s|^|lint: $1: |"
}

# forbid WHAT PATTERN FILES…: no line of the files may match.
forbid() {
	what=$1 pattern=$2
	shift 2
	[ $# -gt 0 ] || return 0
	hits=$(grep -nE "$pattern" "$@" /dev/null) && say "$what" "$hits"
}

sources() { git ls-files -co --exclude-standard "$@" | grep -E '\.(c|h|cpp)$'; }

# ── arrows point one way: chat -> retrieve, ingest -> index -> index/base ──
forbid "index/base includes only index/base" '^#include "(index/[^b/][^/]*|ingest/|retrieve/|chat/)' $(sources index/base)
forbid "index includes only index" '^#include "(ingest|retrieve|chat)/' $(sources index)
forbid "ingest includes only ingest and index" '^#include "(retrieve|chat)/' $(sources ingest)
forbid "retrieve includes only retrieve and index" '^#include "(ingest|chat)/' $(sources retrieve)
forbid "includes are written from the root" '^#include "[a-z0-9]+\.h"' $(sources index ingest retrieve chat)
forbid "sqlite3.h and faiss stay in index/" '^#include [<"](sqlite3\.h|faiss/)' $(sources ingest retrieve chat)
forbid "no SQLite or FAISS type in a header of index/" '(sqlite3_(stmt|value|context) |Faiss[A-Z])' $(sources index | grep '\.h$' | grep -v 'index/faiss_c.h\|_private.h\|index/fts5\|index/vector_segment.h')
forbid "parsers of untrusted bytes stay in the sandbox" '^#include <(poppler|gumbo|cmark|cairo|libxml|zip|gmime|gsf|tesseract|leptonica)' $(sources index retrieve chat)

# ── the page is sound TypeScript ──
if [ -x tests/browser/node_modules/.bin/tsc ]; then
	errors=$(tests/browser/node_modules/.bin/tsc -p chat/ui) || say "tsc" "$errors"
fi

# ── a text's key stands once in the one table ──
twice=$(grep -hoE "^\s*'[A-Za-z0-9_.]+':" chat/ui/strings/*.ts | tr -d " \t':" | sort | uniq -d)
[ -z "$twice" ] || say "a key of two texts" "$twice"

# ── the page's areas do not style each other: a class begins rules of one area only ──
styles='chat trust library admin account'
shared=$(for area in $styles; do
	grep -oE '^\s*\.[a-z][a-z0-9-]*' "chat/ui/style/$area.css" | tr -d ' \t' | sort -u
done | sort | uniq -d)
for class in $shared; do
	# what base.css or frame.css defines may be refined by areas, within a class of their own
	grep -qE "^\s*\$class\b" chat/ui/style/base.css chat/ui/style/frame.css || say "a class of two areas" "$class"
done

# ── calls that are not used here ──
forbid "banned call" '[^a-z_>.](strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|rand|srand|system|popen|alloca|tmpnam|mktemp)\(' $(sources index ingest retrieve chat)
forbid "typedef of a struct" '^typedef struct [^_]' $(sources index ingest retrieve chat)
forbid "unfinished" '\b(TODO|FIXME|XXX|HACK)\b' $(sources index ingest retrieve chat tests)
forbid "a fixed sleep in a test" '[^a-z_](sleep|usleep)\(' $(sources tests/unit)

# ── nothing else at the top ──
extra=$(git ls-files | cut -d/ -f1 | sort -u |
	grep -vxE 'Makefile|README.md|LICENSE|CHANGELOG.md|index|ingest|retrieve|chat|tests|fixtures|\..*')
[ -z "$extra" ] || say "not a top-level name of the design" "$extra"

# ── formatting, by the one version whose output is the house's ──
if clang-format --version 2>/dev/null | grep -q 'version 14'; then
	for f in $(sources index ingest retrieve chat tests fixtures); do
		clang-format --style=file "$f" 2>/dev/null | cmp -s - "$f" || say "clang-format -i" "$f"
	done
fi

[ $found = 0 ] && echo "lint: clean"
exit $found
