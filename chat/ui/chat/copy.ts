// An answer as text for somewhere else: with the list of what its markers stand for.
import { t } from '../base/i18n';
import type { Run } from '../base/types';
import { whereText } from '../base/where';
import { citationOf, markersOf } from './markers';

export async function copyText(text: string): Promise<void> {
	if (navigator.clipboard) {
		return navigator.clipboard.writeText(text);
	}
	// not a secure context: the old way
	const field = document.createElement('textarea');
	const before = document.activeElement as HTMLElement | null;
	field.value = text;
	document.body.append(field);
	field.select();
	const done = document.execCommand('copy');
	field.remove();
	before?.focus();
	if (!done) {
		throw new Error(t('chat.notCopied'));
	}
}

/** Markers are numbered anew, in the order of what they cite; below stands document, place and quotation of each. */
export function withReferences(run: Run): string {
	const references: string[] = [];
	const numbers = new Map<string, number>();
	let out = '', at = 0;
	for (const marker of markersOf(run.answer)) {
		const c = citationOf(run.citations, marker.ordinal, marker.handle);
		const key = c ? `${c.documentId} ${c.page} ${c.quote}` : '';
		if (c && !numbers.has(key)) {
			numbers.set(key, references.length + 1);
			const where = [c.gone ? t('chat.gone') : c.name, whereText(c)].filter(Boolean).join(', ');
			references.push(`[${references.length + 1}] ${where}${c.quote ? `: “${c.quote}”` : ''}`);
		}
		out += run.answer.slice(at, marker.start) + (c ? `[${numbers.get(key)}]` : '');
		at = marker.end;
	}
	out += run.answer.slice(at);
	return references.length ? `${out.trim()}\n\n${references.join('\n')}\n` : out;
}
