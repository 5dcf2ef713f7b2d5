/* Characters of the symbol fonts that Windows brings, as Unicode has them. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ingest/docx.h"

struct symbol {
	unsigned char code;
	const char *utf8;
};

static const struct symbol WINGDINGS[] = {{0x22, "✂"}, {0x28, "☎"}, {0x29, "✆"}, {0x2a, "✉"},
	{0x4a, "☺"}, {0x4b, "😐"}, {0x4c, "☹"}, {0x6c, "●"}, {0x6d, "○"}, {0x6e, "■"}, {0x6f, "□"},
	{0x71, "❑"}, {0x72, "❒"}, {0x75, "◆"}, {0x76, "❖"}, {0x77, "◆"}, {0x78, "☒"}, {0x9f, "•"},
	{0xa7, "▪"}, {0xa8, "☐"}, {0xd8, "➢"}, {0xdf, "←"}, {0xe0, "→"}, {0xe1, "↑"}, {0xe2, "↓"},
	{0xe8, "➔"}, {0xf0, "⇨"}, {0xfb, "✗"}, {0xfc, "✓"}, {0xfd, "☒"}, {0xfe, "☑"}};

static const struct symbol WINGDINGS2[] = {
	{0x4f, "✗"}, {0x50, "✓"}, {0x51, "☒"}, {0x52, "☑"}, {0x53, "☒"}, {0x54, "☒"}, {0xa3, "☐"}};

static const struct symbol SYMBOL[] = {{0x22, "∀"}, {0x24, "∃"}, {0x2d, "−"}, {0x40, "≅"},
	{0xa2, "′"}, {0xa3, "≤"}, {0xa5, "∞"}, {0xab, "↔"}, {0xac, "←"}, {0xad, "↑"}, {0xae, "→"},
	{0xaf, "↓"}, {0xb0, "°"}, {0xb1, "±"}, {0xb2, "″"}, {0xb3, "≥"}, {0xb4, "×"}, {0xb5, "∝"},
	{0xb6, "∂"}, {0xb7, "•"}, {0xb8, "÷"}, {0xb9, "≠"}, {0xba, "≡"}, {0xbb, "≈"}, {0xbc, "…"},
	{0xc5, "⊕"}, {0xc6, "∅"}, {0xc7, "∩"}, {0xc8, "∪"}, {0xcc, "⊂"}, {0xce, "∈"}, {0xcf, "∉"},
	{0xd1, "∇"}, {0xd2, "®"}, {0xd3, "©"}, {0xd4, "™"}, {0xd5, "∏"}, {0xd6, "√"}, {0xd7, "⋅"},
	{0xd8, "¬"}, {0xd9, "∧"}, {0xda, "∨"}, {0xdb, "⇔"}, {0xdc, "⇐"}, {0xde, "⇒"}, {0xe5, "∑"},
	{0xf2, "∫"}};

/* From 'A' and from 'a' on, in the order of the Symbol font. */
static const char *const UPPER[] = {"Α", "Β", "Χ", "Δ", "Ε", "Φ", "Γ", "Η", "Ι", "ϑ", "Κ", "Λ", "Μ",
	"Ν", "Ο", "Π", "Θ", "Ρ", "Σ", "Τ", "Υ", "ς", "Ω", "Ξ", "Ψ", "Ζ"};
static const char *const LOWER[] = {"α", "β", "χ", "δ", "ε", "φ", "γ", "η", "ι", "ϕ", "κ", "λ", "μ",
	"ν", "ο", "π", "θ", "ρ", "σ", "τ", "υ", "ϖ", "ω", "ξ", "ψ", "ζ"};

static const char *find(const struct symbol *table, size_t n, long code)
{
	for (size_t i = 0; i < n; i++) {
		if (table[i].code == code) {
			return table[i].utf8;
		}
	}
	return "";
}

const char *docx_symbol(const char *font, long code)
{
	/* Either way is in use: with F000 added and without. */
	code = code >= 0xf000 && code <= 0xf0ff ? code - 0xf000 : code;
	if (strcasecmp(font, "Wingdings 2") == 0) {
		return find(WINGDINGS2, sizeof(WINGDINGS2) / sizeof(*WINGDINGS2), code);
	}
	if (strcasecmp(font, "Wingdings") == 0) {
		return find(WINGDINGS, sizeof(WINGDINGS) / sizeof(*WINGDINGS), code);
	}
	if (strcasecmp(font, "Symbol") != 0) {
		return "";
	}
	if (code >= 'A' && code <= 'Z') {
		return UPPER[code - 'A'];
	}
	if (code >= 'a' && code <= 'z') {
		return LOWER[code - 'a'];
	}
	return find(SYMBOL, sizeof(SYMBOL) / sizeof(*SYMBOL), code);
}
