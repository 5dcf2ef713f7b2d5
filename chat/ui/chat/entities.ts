// Stands for the package "entities" in the page (build.mjs): the names that people and models write. Another "&name;"
// stays as it is, which costs the reader little, and the whole table would cost every first visit 10 KB.
const NAMES: Record<string, string> = {
	amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0', shy: '\u00ad', ensp: '\u2002', emsp: '\u2003', thinsp: '\u2009',
	zwnj: '\u200c', zwj: '\u200d', ndash: '–', mdash: '—', lsquo: '‘', rsquo: '’', sbquo: '‚', ldquo: '“', rdquo: '”', bdquo: '„', laquo: '«',
	raquo: '»', hellip: '…', bull: '•', middot: '·', dagger: '†', Dagger: '‡', sect: '§', para: '¶', copy: '©', reg: '®', trade: '™', deg: '°',
	prime: '′', Prime: '″', permil: '‰', euro: '€', pound: '£', yen: '¥', cent: '¢', times: '×', divide: '÷', plusmn: '±', minus: '−', frac12: '½',
	frac14: '¼', frac34: '¾', sup1: '¹', sup2: '²', sup3: '³', micro: 'µ', le: '≤', ge: '≥', ne: '≠', asymp: '≈', equiv: '≡', infin: '∞', radic: '√',
	sum: '∑', prod: '∏', int: '∫', part: '∂', nabla: '∇', isin: '∈', notin: '∉', cap: '∩', cup: '∪', sub: '⊂', sup: '⊃', forall: '∀', exist: '∃',
	empty: '∅', and: '∧', or: '∨', not: '¬', larr: '←', uarr: '↑', rarr: '→', darr: '↓', harr: '↔', rArr: '⇒', lArr: '⇐', hArr: '⇔', check: '✓',
	alpha: 'α', beta: 'β', gamma: 'γ', delta: 'δ', epsilon: 'ε', lambda: 'λ', mu: 'μ', pi: 'π', sigma: 'σ', tau: 'τ', phi: 'φ', omega: 'ω',
	Delta: 'Δ', Sigma: 'Σ', Omega: 'Ω', auml: 'ä', ouml: 'ö', uuml: 'ü', Auml: 'Ä', Ouml: 'Ö', Uuml: 'Ü', szlig: 'ß', eacute: 'é', egrave: 'è',
	ecirc: 'ê', agrave: 'à', aacute: 'á', acirc: 'â', ccedil: 'ç', ntilde: 'ñ', oacute: 'ó', ocirc: 'ô', iacute: 'í', uacute: 'ú', aring: 'å',
	oslash: 'ø', aelig: 'æ', hairsp: '\u200a',
};

/** "&name;" as the character; anything else as it is. */
export const decodeHTMLStrict = (text: string): string =>
	text.replace(/&(\w+);/g, (whole, name) => (Object.hasOwn(NAMES, name) ? NAMES[name]! : whole));
