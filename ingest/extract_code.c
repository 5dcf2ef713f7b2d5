/*
 * Source code, configuration and logs: lines as they are, in blocks that begin with the first line
 * of a definition (or the comment above it), so that chunks are cut between definitions.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "ingest/child.h"

#define LONG_BLOCK 40 /* lines: then any blank line will do */

static const char EXTENSIONS[] =
	" c h cc cpp cxx hpp hh m mm py pyi js mjs cjs jsx ts mts cts tsx go rs java kt kts scala "
	"swift cs fs vb rb php pl pm lua r jl ex exs erl hs ml clj lisp el sh bash zsh fish ps1 "
	"bat cmd sql yaml yml toml ini cfg conf properties env css scss sass less vue svelte "
	"proto graphql gradle groovy tf hcl nix mk cmake dockerfile diff patch log "
	"json jsonl ndjson xml xsd xsl xslt asm s f90 f pas vhd v sv njk ";
static const char *const NAMES[] = {"makefile", "dockerfile", "cmakelists.txt", "jenkinsfile",
	"vagrantfile", "gemfile", "rakefile", ".gitignore", ".dockerignore", ".editorconfig"};

static bool is_named(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *base = slash ? slash + 1 : name;
	const char *dot = strrchr(base, '.');
	char word[16] = " ";

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		if (strcasecmp(base, NAMES[i]) == 0) {
			return true;
		}
	}
	if (!dot || strlen(dot) > sizeof(word) - 3 || !dot[1]) {
		return false;
	}
	for (size_t i = 1; dot[i]; i++) {
		word[i] = (char)tolower((unsigned char)dot[i]);
	}
	word[strlen(dot)] = ' ';
	return strstr(EXTENSIONS, word) != NULL;
}

bool code_is(struct document *doc)
{
	struct buf text = BUF_INIT;
	size_t n = doc->n_bytes < 65536 ? doc->n_bytes : 65536;
	bool script = doc->n_bytes > 3 && memcmp(doc->bytes, "#!/", 3) == 0;
	bool ok = (script || is_named(doc->name)) && text_decode(doc->bytes, n, NULL, &text);

	buf_finish(&text);
	return ok;
}

static bool blank(const char *s, size_t n)
{
	while (n && isspace((unsigned char)s[n - 1])) {
		n--;
	}
	return n == 0;
}

/* A line that a block may begin with: at the left edge, and not the end of what came before. */
static bool begins_block(const char *s, size_t n)
{
	return n && !isspace((unsigned char)*s) && !strchr("}])", *s);
}

void extract_code(struct document *doc, struct draft *d)
{
	struct buf text = BUF_INIT;
	const char *p, *end;
	bool after_blank = false;
	int n_lines = 0;

	draft_page(d, 0, 0);
	if (!text_decode(doc->bytes, doc->n_bytes, NULL, &text)) {
		draft_fault(d, FAULT_BROKEN, 0, NULL);
	}
	p = text.data ? text.data : "";
	end = p + text.len;
	draft_block(d, BLOCK_CODE, 0);
	while (p < end) {
		const char *stop = p;
		size_t n;

		while (stop < end && *stop != '\n' && *stop != '\r') {
			stop++;
		}
		n = (size_t)(stop - p);
		if (blank(p, n)) {
			after_blank = true;
		} else {
			if (after_blank && (begins_block(p, n) || n_lines >= LONG_BLOCK)) {
				draft_block(d, BLOCK_CODE, 0);
				n_lines = 0;
			} else if (after_blank && n_lines) {
				draft_line(d, "", 0, NULL);
			}
			draft_line(d, p, n, NULL);
			n_lines++;
			after_blank = false;
		}
		p = stop + (end - stop >= 2 && stop[0] == '\r' && stop[1] == '\n' ? 2 : 1);
	}
	buf_finish(&text);
}
