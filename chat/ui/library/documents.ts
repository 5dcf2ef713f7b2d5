// A list of documents that is loaded page by page, and kept true while documents come and go.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { get, query, sentence } from '../base/api';
import type { Document } from '../base/types';
import { arrivals } from './upload';

export interface Wanted { collection?: string; q: string; state: string; sort: string }
interface Page { documents: Document[]; next: string | null }

const PAGE = 60, PAGE_MAX = 200, REFRESH_MS = 1200;

const load = (wanted: Wanted, after: string | null, limit: number, signal: AbortSignal) =>
	get<Page>(`/v1/documents${query({ ...wanted, after, limit })}`, { signal });

/** As many as are shown, from the beginning. */
async function loadAgain(wanted: Wanted, n: number, signal: AbortSignal): Promise<Page> {
	const all: Document[] = [];
	let next: string | null = null;
	do {
		const page: Page = await load(wanted, next, Math.min(PAGE_MAX, Math.max(PAGE, n - all.length)), signal);
		all.push(...page.documents);
		next = page.next;
	} while (next && all.length < n);
	return { documents: all, next };
}

interface State { rows: Document[]; next: string | null; error: string; loaded: boolean }

export function useDocuments(wanted: Wanted) {
	const [state, setState] = useState<State>({ rows: [], next: null, error: '', loaded: false });
	const now = useRef({ wanted, state, stop: new AbortController(), busy: false, timer: 0 });
	now.current.state = state;
	now.current.wanted = wanted;

	const run = useCallback(async (work: (signal: AbortSignal) => Promise<State>) => {
		now.current.stop.abort();
		const stop = (now.current.stop = new AbortController());
		now.current.busy = true;
		try {
			const next = await work(stop.signal);
			if (!stop.signal.aborted) {
				setState(next);
			}
		} catch (error) {
			if (!stop.signal.aborted) {
				setState((s) => ({ ...s, error: sentence(error), loaded: true }));
			}
		} finally {
			if (!stop.signal.aborted) {
				now.current.busy = false;
			}
		}
	}, []);

	const key = JSON.stringify(wanted);
	useEffect(() => {
		void run(async (signal) => {
			const page = await load(wanted, null, PAGE, signal);
			return { rows: page.documents, next: page.next, error: '', loaded: true };
		});
		return () => now.current.stop.abort();
	}, [key]);

	const more = useCallback(() => {
		const { next, rows } = now.current.state;
		if (!next || now.current.busy) {
			return;
		}
		void run(async (signal) => {
			const page = await load(now.current.wanted, next, PAGE, signal);
			const known = new Set(rows.map((d) => d.id));
			return { rows: [...rows, ...page.documents.filter((d) => !known.has(d.id))], next: page.next, error: '', loaded: true };
		});
	}, []);

	/** Soon, and not for each of hundreds of changes. */
	const refresh = useCallback(() => {
		now.current.timer ||= window.setTimeout(() => {
			now.current.timer = 0;
			if (now.current.busy) {
				refresh();
				return;
			}
			void run(async (signal) => {
				const page = await loadAgain(now.current.wanted, now.current.state.rows.length, signal);
				return { rows: page.documents, next: page.next, error: '', loaded: true };
			});
		}, now.current.state.loaded ? REFRESH_MS : 0);
	}, []);
	useEffect(() => {
		let first = true;
		const off = arrivals.subscribe(() => (first ? (first = false) : refresh()));
		return () => (off(), clearTimeout(now.current.timer));
	}, []);

	const drop = useCallback((ids: Set<string>) => setState((s) => ({ ...s, rows: s.rows.filter((d) => !ids.has(d.id)) })), []);
	return { ...state, more, refresh, drop };
}
