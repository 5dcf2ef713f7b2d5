// Where one is: the hash, so that neither the server nor its log ever sees it. "#/c/conv_…", "#/library/col_…?q=x".
import { signal } from '@preact/signals';

export interface Place { path: string[]; query: URLSearchParams }

function parse(): Place {
	const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?');
	let parts: string[];
	try {
		parts = path.split('/').filter(Boolean).map(decodeURIComponent);
	} catch {
		parts = [];
	}
	return { path: parts, query: new URLSearchParams(query) };
}

export const place = signal<Place>(parse());
addEventListener('hashchange', () => (place.value = parse()));

/** link('c', id) is "#/c/…", for href. */
export const link = (...path: string[]): string => `#/${path.map(encodeURIComponent).join('/')}`;

export function go(...path: string[]): void {
	location.hash = link(...path);
}

/** The same place under another address, without an entry in the history. */
export function replacePlace(hash: string): void {
	history.replaceState(null, '', hash);
	place.value = parse();
}
