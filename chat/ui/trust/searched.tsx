// What was searched for an answer: which passages were found, why each was used or cut, what it cost.
import { useState } from 'preact/hooks';
import { get } from '../base/api';
import { formatNumber, lang, t } from '../base/i18n';
import { openSource } from '../base/source';
import type { Candidate, Retrieval } from '../base/types';
import { Button, ErrorNote, useLoad } from '../base/ui';
import { whereText } from '../base/where';
import { byteLength } from './bytes';
import { PassageCard } from './passage';
import { headingPath } from './where';

interface Props {
	/** "run_…" of a stored answer; of another one `live` is all there is. */
	runId?: string;
	/** What the event retrieval.completed said. */
	live?: Retrieval | null;
}

const isStored = (runId: string | undefined): boolean => /^run_/.test(runId ?? '');

/** What the server keeps of it: of a stored answer as it may be seen now, else what the stream said. */
function useRetrieval({ runId, live }: Props, wanted: boolean) {
	return useLoad<Retrieval | null>(async (signal) => {
		if (!wanted) {
			return null;
		}
		if (!isStored(runId)) {
			return live ?? null;
		}
		return get<Retrieval>(`/v1/runs/${runId}/retrieval`, { signal });
	}, [runId, wanted, isStored(runId) ? null : live]);
}

const FATES: Record<string, string> = {
	'kept': 'kept',
	'merged into a neighbour': 'merged',
	'near-duplicate': 'duplicate',
	'below the limit': 'limit',
	'did not fit the token budget': 'budget',
	'its document has its share already': 'share',
	'too weak': 'weak',
	'deleted, replaced or no longer readable': 'gone',
};

export const openCandidate = (c: Candidate): void => {
	if (c.documentId) {
		openSource({ documentId: c.documentId, name: c.name ?? '', page: c.page, place: c.place, unit: c.unit, chunkId: c.chunkId, heading: c.heading });
	}
};

function languageName(tag: string): string {
	try {
		return new Intl.DisplayNames(lang.value, { type: 'language' }).of(tag) ?? tag;
	} catch {
		return tag;
	}
}

const rank = (n: number | null | undefined) => (n ? formatNumber(n) : '–');
const ms = (us: number) => (us < 50 ? `< ${formatNumber(0.1, 1)} ms` : `${formatNumber(us / 1000, us < 10000 ? 1 : 0)} ms`);
const FIRST = 8; // rows before one asks for more

/** inAnswer: it shows which number the passage has there; else the passages themselves were the result. */
function Row({ c, same, inAnswer }: { c: Candidate; same?: Candidate | undefined; inAnswer: boolean }) {
	const known = FATES[c.fate] ?? (c.kept ? 'kept' : 'limit');
	const fate = !inAnswer && c.kept ? `${known}.shown` : known;
	return (
		<tr class={c.kept ? 'kept' : 'cut'}>
			{inAnswer && <td class="n">{c.handle ? <span class="handle">{c.handle}</span> : ''}</td>}
			<td class="passage">
				<button type="button" class="link" dir="auto" onClick={() => openCandidate(c)}>{c.name}</button>
				<small dir="auto">{[whereText(c), headingPath(c.heading)].filter(Boolean).join(' · ')}</small>
			</td>
			<td class="fate">{t(`trust.fate.${fate}`)}{same?.name ? <small dir="auto"> = {same.name}</small> : null}</td>
			<td class="n">{rank(c.lexicalRank)}</td>
			<td class="n">{rank(c.vectorRank)}</td>
			<td class="n">{rank(c.tokens)}</td>
		</tr>
	);
}

/** Those that were used, and the best of the others; all of them on demand. */
export function Candidates({ list, inAnswer }: { list: Candidate[]; inAnswer: boolean }) {
	const [all, setAll] = useState(false);
	const rows = all || list.length <= FIRST + 2 ? list : list.filter((c, i) => i < FIRST || c.handle);
	return (
		<>
			<div class="scroll-x">
				<table class="list">
					<caption class="read-only-aloud">{t('trust.found')}</caption>
					<thead>
						<tr>
							{inAnswer && <th scope="col" class="n"><span class="read-only-aloud">{t('trust.column.handle')}</span></th>}
							<th scope="col">{t('trust.column.passage')}</th>
							<th scope="col">{t('trust.column.fate')}</th>
							<th scope="col" class="n" title={t('trust.column.wordsLong')}>{t('trust.column.words')}</th>
							<th scope="col" class="n" title={t('trust.column.meaningLong')}>{t('trust.column.meaning')}</th>
							<th scope="col" class="n">{t('trust.column.tokens')}</th>
						</tr>
					</thead>
					<tbody>{rows.map((c) => <Row key={c.fusedRank} c={c} same={c.sameAs ? list.find((k) => k.fusedRank === c.sameAs) : undefined} inAnswer={inAnswer} />)}</tbody>
				</table>
			</div>
			{rows.length < list.length && <Button kind="quiet" class="all" onClick={() => setAll(true)}>{t('trust.all', { n: list.length })}</Button>}
		</>
	);
}

const STEPS = ['rewrite', 'permit', 'understand', 'lexical', 'vector', 'fuse', 'load', 'rerank', 'pack', 'judge'];

function Times({ timeUs }: { timeUs: Record<string, number> }) {
	const steps = STEPS.filter((name) => timeUs[name] !== undefined);
	const most = Math.max(1, ...steps.map((name) => timeUs[name]!));
	return (
		<dl class="times">
			{steps.map((name) => (
				<div key={name}>
					<dt>{t(`trust.step.${name}`)}</dt>
					<dd>
						<span class="bar" aria-hidden="true"><i style={{ width: `${(100 * timeUs[name]!) / most}%` }} /></span>
						<span class="n">{ms(timeUs[name]!)}</span>
					</dd>
				</div>
			))}
			{timeUs.total !== undefined && (
				<div class="total"><dt>{t('trust.step.total')}</dt><dd><span /><span class="n">{ms(timeUs.total)}</span></dd></div>
			)}
		</dl>
	);
}

function Details({ r }: { r: Retrieval }) {
	const list = r.candidates ?? [];
	const used = list.filter((c) => c.handle).length;
	return (
		<div class="stack">
			<dl class="search-facts">
				<div><dt>{t('trust.searchedFor')}</dt><dd><q>{r.query}</q>{r.language ? <span class="tag">{languageName(r.language)}</span> : null}{r.rewritten ? <small> {t(`trust.rewritten.${r.rewritten}`)}</small> : null}</dd></div>
				{r.budget ? (
					<div>
						<dt>{t('trust.budget')}</dt>
						<dd class="budget">
							<progress class="progress" max={r.budget} value={r.tokens ?? 0} aria-label={t('trust.budget')} />
							<span>{t('trust.budgetSpent', { tokens: r.tokens ?? 0, budget: r.budget })}</span>
						</dd>
					</div>
				) : null}
			</dl>
			{list.length ? <p class="muted small">{t('trust.used', { used, n: list.length })}</p> : <p class="muted">{t('trust.nothingFound')}</p>}
			{list.length > 0 && <Candidates list={list} inAnswer />}
			{r.hidden ? <p class="muted small">{t('trust.hidden', { n: r.hidden })}</p> : null}
			{r.timeUs && (
				<>
					<h3>{t('trust.times')}</h3>
					<Times timeUs={r.timeUs} />
				</>
			)}
		</div>
	);
}

/** "What was searched", closed at first; asks the server when it is opened. */
export function Searched(props: Props) {
	const [open, setOpen] = useState(false);
	const { value, error } = useRetrieval(props, open);
	return (
		<details class="searched" onToggle={(e) => setOpen(e.currentTarget.open)}>
			<summary>{t('trust.searched')}</summary>
			<ErrorNote text={error} />
			{open && (value ? <Details r={value} /> : !error && <div class="waiting" aria-busy="true" />)}
		</details>
	);
}

/** The server gives at most 400 bytes of a passage. */
const beginning = (text = ''): string => (byteLength(text) > 390 ? `${text} …` : text);

/** What comes closest to a question that the documents do not answer. */
export function Nearest(props: Props) {
	const { value } = useRetrieval(props, true);
	const near = (value?.candidates ?? []).filter((c) => c.kept && c.documentId).slice(0, 3);
	if (!near.length) {
		return null;
	}
	return (
		<section class="nearest">
			<h3>{t('trust.nearest')}</h3>
			{near.map((c) => (
				<PassageCard key={c.chunkId} name={c.name ?? ''} heading={c.heading} where={whereText(c)} text={beginning(c.text)} query={value?.query ?? ''} open={() => openCandidate(c)} />
			))}
		</section>
	);
}
