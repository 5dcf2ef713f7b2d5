// What was asked and what it cost, per day and person: a stacked bar chart of our own, and the same as a table.
import { useState } from 'preact/hooks';
import { get } from '../base/api';
import { formatNumber, t } from '../base/i18n';
import type { UsageRow } from '../base/types';
import { Empty, ErrorNote, useLoad } from '../base/ui';
import { Bars, type Series } from './bars';

const SPANS = [7, 30, 90];
const TOP = 5; // people with a colour of their own; the rest together
type Measure = 'runs' | 'tokens';

const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);
const daysUntilToday = (n: number): string[] => Array.from({ length: n }, (_, i) => dayOf(Date.now() - (n - 1 - i) * 86400000));
const amount = (row: UsageRow, measure: Measure): number => (measure === 'runs' ? row.runs : row.promptTokens + row.answerTokens);
const nameOf = (row: UsageRow): string => row.displayName || row.name || t('usage.gone');

interface Person { id: string; name: string; runs: number; promptTokens: number; answerTokens: number }

export function people(rows: UsageRow[]): Person[] {
	const all = new Map<string, Person>();
	for (const row of rows) {
		const person = all.get(row.userId) ?? { id: row.userId, name: nameOf(row), runs: 0, promptTokens: 0, answerTokens: 0 };
		person.runs += row.runs;
		person.promptTokens += row.promptTokens;
		person.answerTokens += row.answerTokens;
		all.set(row.userId, person);
	}
	return [...all.values()];
}

/** One series a person, the largest first; those beyond TOP as one. */
function seriesOf(rows: UsageRow[], days: string[], measure: Measure, only: string): Series[] {
	const rank = (p: Person) => (measure === 'runs' ? p.runs : p.promptTokens + p.answerTokens);
	const ranked = people(rows).sort((a, b) => rank(b) - rank(a));
	const at = new Map(days.map((day, i) => [day, i]));
	const list: Series[] = ranked.slice(0, TOP).map(({ name }) => ({ name, values: days.map(() => 0) }));
	if (ranked.length > TOP) {
		list.push({ name: t('usage.others', { n: ranked.length - TOP }), values: days.map(() => 0) });
	}
	const place = new Map(ranked.map((p, i) => [p.id, Math.min(i, TOP)]));
	for (const row of rows) {
		const day = at.get(row.day);
		if (day !== undefined) {
			list[place.get(row.userId)!]!.values[day]! += amount(row, measure);
		}
	}
	return only ? list.filter((_, i) => i === place.get(only)) : list;
}

function PeopleTable({ rows }: { rows: UsageRow[] }) {
	const total = people(rows).sort((a, b) => b.runs - a.runs);
	return (
		<table class="list numbers">
			<caption class="read-only-aloud">{t('usage.perPerson')}</caption>
			<thead><tr><th scope="col">{t('user.name')}</th><th scope="col">{t('usage.runs')}</th><th scope="col">{t('usage.promptTokens')}</th><th scope="col">{t('usage.answerTokens')}</th></tr></thead>
			<tbody>
				{total.map((p) => (
					<tr key={p.id}><th scope="row"><span class="clip">{p.name}</span></th><td>{formatNumber(p.runs)}</td><td>{formatNumber(p.promptTokens)}</td><td>{formatNumber(p.answerTokens)}</td></tr>
				))}
			</tbody>
		</table>
	);
}

export function Usage() {
	const [days, setDays] = useState(30);
	const [measure, setMeasure] = useState<Measure>('runs');
	const [only, setOnly] = useState('');
	const { value, error } = useLoad((signal) => get<{ rows: UsageRow[] }>(`/v1/usage?days=${days}`, { signal }).then((a) => a.rows), [days]);
	const rows = value ?? [];
	const shown = only ? rows.filter((row) => row.userId === only) : rows;
	const list = daysUntilToday(days);
	return (
		<section class="stack">
			<div class="row">
				<select class="short" aria-label={t('usage.span')} value={days} onChange={(e) => setDays(Number(e.currentTarget.value))}>
					{SPANS.map((n) => <option value={n}>{t('usage.days', { n })}</option>)}
				</select>
				<select class="short" aria-label={t('usage.measure')} value={measure} onChange={(e) => setMeasure(e.currentTarget.value as Measure)}>
					<option value="runs">{t('usage.runs')}</option>
					<option value="tokens">{t('usage.tokens')}</option>
				</select>
				<select class="short" aria-label={t('usage.who')} value={only} onChange={(e) => setOnly(e.currentTarget.value)}>
					<option value="">{t('usage.everybody')}</option>
					{people(rows).map((p) => <option value={p.id}>{p.name}</option>)}
				</select>
			</div>
			<ErrorNote text={error} />
			{value && !shown.length && <Empty icon="chart" title={t('usage.none')} />}
			{shown.length > 0 && (
				<>
					<Bars days={list} series={seriesOf(shown, list, measure, only)} label={t(`usage.${measure}PerDay`)} />
					<PeopleTable rows={shown} />
				</>
			)}
		</section>
	);
}
