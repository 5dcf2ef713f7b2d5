// What the side panel shows: a page of a document, with the lines of a passage or of a quotation.
import { signal } from '@preact/signals';
import type { At, Box, Citation } from './types';

export interface Source extends At {
	documentId: string;
	name: string;
	/** The lines to highlight: a chunk, or a citation ("run_…:ordinal"), which is more exact. */
	chunkId?: string;
	citation?: string;
	quote?: string | null;
	heading?: string;
	/** Where those lines are, if it is known already. */
	boxes?: Box[];
	/** The answer that it was opened from: its other citations can be stepped through. */
	answer?: { citations: Citation[]; ordinal: number; stored: boolean; runId: string };
}

export const source = signal<Source | null>(null);
/** Whom to give the focus back. */
let opener: Element | null = null;

export function openSource(what: Source): void {
	const focused = document.activeElement;
	opener = source.value && focused?.closest('.source') ? opener : focused;
	source.value = what;
}

export function closeSource(): void {
	source.value = null;
	const back = opener?.isConnected && opener !== document.body ? opener : document.getElementById('main');
	(back as HTMLElement | null)?.focus({ preventScroll: true });
}
