// Passages for a question, without a model: found while one types, opened at their place.
import { useEffect, useRef, useState } from 'preact/hooks';
import { get, post, sentence } from '../base/api';
import { formatNumber, t } from '../base/i18n';
import { useShortcut } from '../base/keys';
import { place, replacePlace } from '../base/router';
import { openSource } from '../base/source';
import type { Candidate, Collection, Passage } from '../base/types';
import { Empty, ErrorNote, useLoad } from '../base/ui';
import { whereText } from '../base/where';
import { PassageCard } from './passage';
import { Candidates } from './searched';

const TYPING_MS = 250;
const LIMIT = 20;

interface Condition { text: string; unmatched: boolean }
interface Found {
	query: string; passages: Passage[]; weak: boolean; language: string; vectorError?: string; rerankError?: string; timeUs?: { total: number };
	candidates?: Candidate[]; conditions: Condition[]; corrections: { from: string; to: string }[];
}

/** The present address with another question, collection or wish for an explanation. */
function address(change: Record<string, string>): string {
	const values = Object.entries({ ...Object.fromEntries(place.value.query), ...change }).filter(([, v]) => v);
	return values.length ? `#/search?${new URLSearchParams(values)}` : '#/search';
}

/** The last question's answer; of a former question nothing comes any more. */
function useSearch(q: string, collection: string, explain: boolean) {
	const [state, setState] = useState<{ found: Found | null; busy: boolean; error: string }>({ found: null, busy: false, error: '' });
	useEffect(() => {
		if (!q) {
			setState({ found: null, busy: false, error: '' });
			return;
		}
		const stop = new AbortController();
		setState((s) => ({ ...s, busy: true, error: '' }));
		const order = { query: q, limit: LIMIT, explain, ...(collection ? { collections: [collection] } : {}) };
		post<Found>('/v1/search', order, { signal: stop.signal }).then(
			(found) => !stop.signal.aborted && setState({ found: { ...found, query: q }, busy: false, error: '' }),
			(e) => !stop.signal.aborted && setState({ found: null, busy: false, error: sentence(e) }),
		);
		return () => stop.abort();
	}, [q, collection, explain]);
	return state;
}

function CollectionChoice({ value, onChange }: { value: string; onChange: (id: string) => void }) {
	const { value: list } = useLoad((signal) => get<{ collections: Collection[] }>('/v1/collections', { signal }), []);
	return (
		<select aria-label={t('trust.search.in')} value={value} onChange={(e) => onChange(e.currentTarget.value)}>
			<option value="">{t('trust.search.everywhere')}</option>
			{(list?.collections ?? []).map((c) => <option key={c.id} value={c.id} selected={c.id === value}>{c.name}</option>)}
		</select>
	);
}

const openPassage = (p: Passage): void =>
	openSource({ documentId: p.documentId, name: p.name, page: p.page, place: p.place, unit: p.unit, chunkId: p.chunkId, heading: p.heading });

/** What was made of the query: slips that were put right, conditions that nothing meets. */
function Understood({ found }: { found: Found }) {
	return (
		<>
			{found.corrections.map((c) => <p class="muted" key={c.from}>{t('trust.search.instead', c)}</p>)}
			{found.conditions.filter((c) => c.unmatched).map((c) => <p class="weak" key={c.text}>{t('trust.search.unmatched', { text: c.text })}</p>)}
		</>
	);
}

function Results({ found, busy }: { found: Found; busy: boolean }) {
	const { passages, query } = found;
	if (!passages.length) {
		return <Empty icon="search" title={t('trust.search.none')}><p>{t('trust.search.noneText')}</p><Understood found={found} /></Empty>;
	}
	return (
		<div class={busy ? 'results busy' : 'results'}>
			<p class="muted small" role="status">
				{t('trust.search.found', { n: passages.length })}
				{found.timeUs ? ` · ${formatNumber(found.timeUs.total / 1000)} ms` : ''}
			</p>
			<Understood found={found} />
			{found.weak && <p class="weak">{t('trust.search.weak')}</p>}
			{found.vectorError && <p class="weak">{t('trust.search.wordsOnly')}</p>}
			{found.rerankError && <p class="weak">{t('trust.search.notReranked')}</p>}
			{passages.map((p) => (
				<PassageCard
					key={p.chunkId} name={p.name} heading={p.heading} text={p.text} query={query} score={found.weak ? undefined : p.score}
					where={whereText(p, p.pageLast)} also={p.also?.map((k) => k.name)} open={() => openPassage(p)}
				/>
			))}
			{found.candidates && (
				<section class="explained">
					<h2>{t('trust.search.why')}</h2>
					<Candidates list={found.candidates} inAnswer={false} />
				</section>
			)}
		</div>
	);
}

/** Arrow keys go from the field to the results and through them. */
function walk(box: HTMLElement, e: KeyboardEvent): void {
	const stops = [box.querySelector<HTMLElement>('input[type=search]')!, ...box.querySelectorAll<HTMLElement>('.passage-card .opens')];
	const at = stops.indexOf(document.activeElement as HTMLElement);
	const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 1, End: stops.length - 1 }[e.key];
	if (at < 0 || to === undefined || (at === 0 && e.key !== 'ArrowDown') || !stops[to]) {
		return;
	}
	e.preventDefault();
	stops[to]!.focus();
	stops[to]!.closest('.passage-card')?.scrollIntoView({ block: 'nearest' });
}

export function SearchView() {
	const here = place.value.query;
	const q = here.get('q') ?? '', collection = here.get('in') ?? '', explain = here.get('explain') === '1';
	const [typed, setTyped] = useState(q);
	const field = useRef<HTMLInputElement>(null);
	const box = useRef<HTMLDivElement>(null);
	const timer = useRef(0);
	const mine = useRef(q);
	const { found, busy, error } = useSearch(q, collection, explain);
	useShortcut('/', t('trust.search.focus'), () => (field.current!.focus(), field.current!.select()));
	useEffect(() => {
		if (mine.current !== q) { // back, or a link: not what was typed here
			mine.current = q;
			setTyped(q);
		}
	}, [q]);
	useEffect(() => {
		if (matchMedia('(pointer: fine)').matches) {
			field.current!.focus({ preventScroll: true });
		}
		return () => clearTimeout(timer.current);
	}, []);
	const ask = (text: string, keep: boolean) => {
		clearTimeout(timer.current);
		mine.current = text.trim();
		const to = address({ q: text.trim() });
		if (keep && q) {
			replacePlace(to);
		} else if (location.hash !== to) {
			location.hash = to;
		}
	};
	const onInput = (text: string) => {
		setTyped(text);
		clearTimeout(timer.current);
		timer.current = window.setTimeout(() => ask(text, true), TYPING_MS);
	};
	return (
		<div class="view search-view" ref={box} onKeyDown={(e) => walk(box.current!, e)}>
			<div class="column">
				<h1>{t('trust.search.title')}</h1>
				<form role="search" onSubmit={(e) => (e.preventDefault(), ask(typed, false))}>
					<input
						ref={field} type="search" spellcheck={false} autocomplete="off" maxLength={2000}
						aria-label={t('trust.search.label')} placeholder={t('trust.search.label')} value={typed} onInput={(e) => onInput(e.currentTarget.value)}
					/>
					<CollectionChoice value={collection} onChange={(id) => replacePlace(address({ in: id }))} />
					<label class="row small explain">
						<input type="checkbox" checked={explain} onChange={(e) => replacePlace(address({ explain: e.currentTarget.checked ? '1' : '' }))} />
						{t('trust.search.explain')}
					</label>
				</form>
				<ErrorNote text={error} />
				{found ? <Results found={found} busy={busy} /> : !q && <Empty icon="search" title={t('trust.search.start')}><p>{t('trust.search.startText')}</p><p class="small">{t('trust.search.syntax')}</p></Empty>}
			</div>
		</div>
	);
}
