// A model's Markdown as HTML that can do nothing: no HTML of its own, no image, no link that can be clicked, and what
// markdown-it made of it goes through DOMPurify with a short list of tags. The only buttons are ours: chips of citations
// and "copy".
import DOMPurify, { type Config } from 'dompurify';
import MarkdownIt from 'markdown-it';
import { t } from '../base/i18n';
import { markersOf, type Marker } from './markers';

const md = new MarkdownIt({ html: false, linkify: false, typographer: false, breaks: false });
md.disable(['reference', 'linkify']);

const escape = (text: string) => md.utils.escapeHtml(text);

// A marker inside the source is "[⁣ordinal:handle]" with an invisible separator (which no text keeps) while markdown-it
// is at work, so that each is known by its number whatever becomes of the text around it.
const HIDDEN = '\u2063';
const hide = (text: string, markers: Marker[]): string => {
	let out = '', at = 0;
	for (const m of markers) {
		out += `${text.slice(at, m.start)}[${HIDDEN}${m.ordinal}:${m.handle}]`;
		at = m.end;
	}
	return out + text.slice(at);
};
const PLACE = new RegExp(`\\[${HIDDEN}(\\d+):(\\d+)\\]`, 'g');
const show = (text: string): string => text.replace(PLACE, '[$2]');

function chip(ordinal: string, handle: string): string {
	return `<button type="button" class="cite" data-ordinal="${ordinal}" data-handle="${handle}" aria-label="${escape(t('chat.source', { n: handle }))}">${handle}</button>`;
}

// ── rules ──

md.inline.ruler.before('escape', 'marker', (state, silent) => {
	if (state.src[state.pos] !== '[' || state.src[state.pos + 1] !== HIDDEN) {
		return false;
	}
	const match = new RegExp(PLACE.source, 'y');
	match.lastIndex = state.pos;
	const found = match.exec(state.src);
	if (!found) {
		return false;
	}
	if (!silent) {
		state.push('marker', '', 0).meta = { ordinal: found[1], handle: found[2] };
	}
	state.pos += found[0].length;
	return true;
});
md.renderer.rules.marker = (tokens, i) => {
	const { ordinal, handle } = tokens[i]!.meta as { ordinal: string; handle: string };
	return chip(ordinal, handle);
};

// Formulas stay as they were written: neither emphasis nor escapes are looked for in them.
const FORMULA = /\\\(([^]+?)\\\)|\\\[([^]+?)\\\]|\$\$([^]+?)\$\$|\$(?!\s)([^$\n]*[^$\s\\])\$(?!\d)/y;
md.inline.ruler.before('escape', 'formula', (state, silent) => {
	const c = state.src[state.pos];
	if (c !== '\\' && c !== '$') {
		return false;
	}
	FORMULA.lastIndex = state.pos;
	const found = FORMULA.exec(state.src);
	// "$5 and $6" are prices: a formula has a letter, and one of the signs that formulas are made of
	if (!found || (found[4] !== undefined && !/[\\^_=<>+*/]|^[a-z]$/i.test(found[4]))) {
		return false;
	}
	if (!silent) {
		state.push('formula', '', 0).content = found[1] ?? found[2] ?? found[3] ?? found[4]!;
	}
	state.pos += found[0].length;
	return true;
});
md.renderer.rules.formula = (tokens, i) => `<span class="formula">${escape(show(tokens[i]!.content.trim()))}</span>`;

const code = (text: string, language: string) =>
	`<div class="code"><div class="code-head"><span>${escape(language)}</span><button type="button" class="copy-code">${escape(t('chat.copyCode'))}</button></div>` +
	`<pre tabindex="0"><code>${escape(show(text))}</code></pre></div>`;
md.renderer.rules.fence = (tokens, i) => code(tokens[i]!.content, show(tokens[i]!.info.trim()).split(/\s/)[0]!.slice(0, 30));
md.renderer.rules.code_block = (tokens, i) => code(tokens[i]!.content, '');
md.renderer.rules.code_inline = (tokens, i) => `<code>${escape(show(tokens[i]!.content))}</code>`;

// A link is its text and its address, neither of which leads away.
md.renderer.rules.link_open = () => '<span class="away">';
md.renderer.rules.link_close = (tokens, i) => {
	let open = i;
	for (let level = 0; open >= 0; open--) {
		level += tokens[open]!.type === 'link_close' ? 1 : tokens[open]!.type === 'link_open' ? -1 : 0;
		if (level === 0) {
			break;
		}
	}
	const address = show(decode(String(tokens[open]?.attrGet('href') ?? '')));
	const text = tokens.slice(open + 1, i).map((x) => x.content).join('');
	return !address || text === address || `mailto:${text}` === address ? '</span>' : ` <span class="address">(${escape(address)})</span></span>`;
};
const decode = (address: string) => {
	try {
		return decodeURI(address);
	} catch {
		return address;
	}
};

// A picture of elsewhere is not loaded: its text and its address stand for it.
md.renderer.rules.image = (tokens, i) => {
	const address = show(decode(String(tokens[i]!.attrGet('src') ?? '')));
	return `<span class="away">${escape(show(tokens[i]!.content))} <span class="address">(${escape(address)})</span></span>`;
};

// The page's own headings are h1 and h2.
const heading = (tag: string) => `h${Math.min(6, Number(tag[1]) + 2)}`;
md.renderer.rules.heading_open = (tokens, i) => `<${heading(tokens[i]!.tag)}>`;
md.renderer.rules.heading_close = (tokens, i) => `</${heading(tokens[i]!.tag)}>\n`;
md.renderer.rules.table_open = () => '<div class="table-box" tabindex="0"><table>';
md.renderer.rules.table_close = () => '</table></div>';
for (const cell of ['th', 'td']) {
	md.renderer.rules[`${cell}_open`] = (tokens, i) => {
		const align = /text-align:(\w+)/.exec(String(tokens[i]!.attrGet('style') ?? ''))?.[1];
		return `<${cell}${align ? ` class="${align}"` : ''}>`;
	};
}

const CLEAN: Config = {
	ALLOWED_TAGS: ['p', 'br', 'strong', 'em', 's', 'code', 'pre', 'ul', 'ol', 'li', 'blockquote', 'h3', 'h4', 'h5', 'h6', 'hr', 'table', 'thead', 'tbody', 'tr', 'th', 'td', 'span', 'div', 'button'],
	ALLOWED_ATTR: ['class', 'type', 'start', 'tabindex', 'data-ordinal', 'data-handle', 'aria-label'],
	ALLOW_DATA_ATTR: false,
	ALLOW_ARIA_ATTR: false,
};

/** html: TrustedHTML, where the browser has that; for innerHTML alone. */
export interface Block { html: string }

/** Blocks of Markdown that stands by itself; markers are numbered on from `before`. ends: where in text each block ends. */
export function renderBlocks(text: string, before: number): { blocks: Block[]; ends: number[] } {
	const markers = markersOf(text, before);
	const source = hide(text.replaceAll(HIDDEN, ' '), markers);
	const env = {};
	const tokens = md.parse(source, env);
	const starts: number[] = [];
	tokens.forEach((x, i) => x.level === 0 && x.nesting >= 0 && starts.push(i));
	const lines: number[] = [0];
	for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) {
		lines.push(at + 1);
	}
	const blocks = starts.map((from, i) => {
		const html = md.renderer.render(tokens.slice(from, starts[i + 1]), md.options, env);
		return { html: DOMPurify.sanitize(html, { ...CLEAN, RETURN_TRUSTED_TYPE: true }) as unknown as string };
	});
	const ends = starts.map((_, i) => (i + 1 < starts.length ? lines[tokens[starts[i + 1]!]!.map?.[0] ?? 0] ?? text.length : text.length));
	return { blocks, ends };
}

// ── while it is written ──

const UNDECIDED = /(^|\n)[ \t]*(?:[-=+*_#>~`]+|\d{1,9}[.)]?|(?:```|~~~)[^\n]*)[ \t]*$/;

/** Markdown that may go on anywhere, so that what is half open does not show itself as signs first. */
export function settle(text: string): string {
	text = text.replace(UNDECIDED, '$1').replace(/\\$/, '');
	const fences = text.match(/^[ \t]*(```|~~~)/gm);
	if (fences && fences.length % 2 === 1) {
		return text;
	}
	const rows = /(^|\n)([ \t]*\|[^\n]*(?:\n(?:[ \t]*\|[\s:|-]*)?)?)$/.exec(text);
	if (rows && !/\|[^\n]*\n$/.test(text.slice(0, rows.index + rows[1]!.length))) {
		text = text.slice(0, rows.index); // the head of a table, whose second line decides
	}
	const from = text.lastIndexOf('\n\n') + 1;
	return text.slice(0, from) + closeInline(text.slice(from));
}

function closeInline(text: string): string {
	const ticks = text.match(/`+/g) ?? [];
	const plain = text.replace(/(`+)[^]*?\1/g, (m) => 'x'.repeat(m.length));
	const link = /!?\[[^\[\]\n]{0,300}(?:\]\([^()\s]{0,500}(?:\s[^()]*)?)?$/.exec(plain);
	if (link && !/\d\]$/.test(link[0])) {
		text = text.slice(0, link.index);
		return closeEmphasis(text, text.replace(/(`+)[^]*?\1/g, (m) => 'x'.repeat(m.length)));
	}
	if (ticks.length % 2 === 1) {
		const open = text.lastIndexOf(ticks.at(-1)!);
		return open + ticks.at(-1)!.length === text.length ? text.slice(0, open) : text + ticks.at(-1);
	}
	return closeEmphasis(text, plain);
}

function closeEmphasis(text: string, plain: string): string {
	const trimmed = /(^|[\s([])(\*{1,3}|_{1,3}|~{1,2})$/.exec(plain);
	if (trimmed) {
		text = text.slice(0, plain.length - trimmed[2]!.length);
		plain = plain.slice(0, text.length);
	}
	plain = plain.replace(/^[ \t]*[*+-][ \t]/gm, '  ').replace(/\\./g, '  ');
	let tail = '';
	const count = (sign: RegExp) => (plain.match(sign) ?? []).length;
	if (count(/(?<!\*)\*(?!\*)|\*{3}/g) % 2 === 1 && /(?<!\*)\*(?!\*)\S|\*{3}\S/.test(plain)) {
		tail += '*';
	}
	if (count(/\*\*/g) % 2 === 1) {
		tail += text.endsWith('*') && !text.endsWith('**') ? '*' : '**'; // half of the closing one has come
	}
	if (count(/~~/g) % 2 === 1) {
		tail += text.endsWith('~') && !text.endsWith('~~') ? '~' : '~~';
	}
	if (!tail) {
		return text;
	}
	const end = text.trimEnd();
	return end + tail + text.slice(end.length);
}

/** An answer's blocks, kept from one growth to the next: only the last one, which may still change, is read again. */
export class Rendered {
	blocks: Block[] = [];
	private stable = 0;
	private count = 0; // markers before it
	private markers = 0;
	private text = '';

	/** text goes on from what it was before, or is another. final: nothing more comes. */
	update(text: string, final: boolean): Block[] {
		text = text.replace(/\r(?!\n)/g, ' ');
		if (!text.startsWith(this.text)) {
			this.blocks = [];
			this.stable = this.count = this.markers = 0;
		}
		this.text = text;
		const tail = text.slice(this.stable);
		const { blocks, ends } = renderBlocks(final ? tail : settle(tail), this.markers);
		this.blocks = [...this.blocks.slice(0, this.count), ...blocks];
		if (!final && blocks.length > 1) {
			const done = ends[blocks.length - 2]!;
			this.markers = markersOf(tail.slice(0, done), this.markers).at(-1)?.ordinal ?? this.markers;
			this.count += blocks.length - 1;
			this.stable += done;
		}
		return this.blocks;
	}
}
