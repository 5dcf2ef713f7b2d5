// What the side panel shows: a page of a document, with the lines of a passage or of a quotation.
import { signal } from '@preact/signals';

export interface Source {
	documentId: string;
	name: string;
	page?: number;
	/** The lines to highlight: a chunk, or a citation ("run_…:ordinal"), which is more exact. */
	chunkId?: string;
	citation?: string;
	quote?: string | null;
	heading?: string;
}

export const source = signal<Source | null>(null);
/** Whom to give the focus back. */
let opener: Element | null = null;

export function openSource(what: Source): void {
	opener = source.value ? opener : document.activeElement;
	source.value = what;
}

export function closeSource(): void {
	source.value = null;
	(opener as HTMLElement | null)?.focus?.();
}
