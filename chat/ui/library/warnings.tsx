// What to know before trusting a document: text that its readers cannot see, which its owners alone are told of, and pages
// that were hard to read. The text is shown as text and nothing else: it may be an order, to a model or to a person.
import { useState } from 'preact/hooks';
import { get, query } from '../base/api';
import { formatList, t } from '../base/i18n';
import { Icon } from '../base/icons';
import type { Annotation, Annotations, Document } from '../base/types';
import { Button, ErrorNote, useAttempt, useLoad } from '../base/ui';
import { capital, whereText } from '../base/where';

const FIRST = 20, MORE = 100, PAGES_NAMED = 8;

const annotations = (d: Document, values: Record<string, string | number>, signal?: AbortSignal) =>
	get<Annotations>(`/v1/documents/${d.id}/annotations${query({ version: d.versionId, ...values })}`, { signal });

export const hidesText = (d: Document): boolean => (d.warnings?.hidden ?? 0) > 0;
export const isPoorScan = (d: Document): boolean => (d.warnings?.poorScans ?? 0) > 0;

function HiddenText({ a }: { a: Annotation }) {
	return (
		<li>
			<p class="small muted">{capital([whereText(a), t(`warning.kind.${a.kind}`)].filter(Boolean).join(' · '))}</p>
			<blockquote dir="auto">{a.text}</blockquote>
		</li>
	);
}

function HiddenList({ document: d }: { document: Document }) {
	const first = useLoad((signal) => annotations(d, { hidden: 1, limit: FIRST }, signal), [d.id, d.versionId]);
	const [rest, setRest] = useState<Annotations[]>([]);
	const { busy, error, attempt } = useAttempt();
	const last = rest.at(-1) ?? first.value;
	const list = [first.value, ...rest].flatMap((part) => part?.annotations ?? []);
	return (
		<>
			<ErrorNote text={first.error || error} />
			<ul class="hidden-texts">{list.map((a) => <HiddenText key={a.n} a={a} />)}</ul>
			{last?.next && (
				<Button disabled={busy} onClick={() => attempt(async () => setRest([...rest, await annotations(d, { hidden: 1, limit: MORE, after: last.next! })]))}>
					{t('warning.more')}
				</Button>
			)}
		</>
	);
}

function Hidden({ document: d }: { document: Document }) {
	const [open, setOpen] = useState(false);
	return (
		<section class="warning-box" aria-labelledby="hidden-text">
			<Icon name="eyeOff" />
			<div class="grow">
				<h2 id="hidden-text">{t('warning.hidden')}</h2>
				<p>{t('warning.hiddenText')}</p>
				<details onToggle={(e) => setOpen(e.currentTarget.open)}>
					<summary>{t('warning.show', { n: d.warnings!.hidden! })}</summary>
					{open && <HiddenList document={d} />}
				</details>
			</div>
		</section>
	);
}

function PoorScan({ document: d }: { document: Document }) {
	const n = d.warnings!.poorScans;
	const { value } = useLoad((signal) => annotations(d, { kind: 'poor_scan', limit: PAGES_NAMED }, signal), [d.id, d.versionId]);
	const pages = (value?.annotations ?? []).map((a) => whereText(a)).filter(Boolean);
	const others = n - pages.length;
	const where = pages.length ? capital(formatList(others > 0 ? [...pages, t('warning.others', { n: others })] : pages)) : '';
	return (
		<section class="warning-box" aria-labelledby="poor-scan">
			<Icon name="warning" />
			<div class="grow">
				<h2 id="poor-scan">{where ? t('warning.poor', { n, where }) : t('warning.poorCount', { n })}</h2>
				<p>{t('warning.poorText')}</p>
			</div>
		</section>
	);
}

export function Warnings({ document: d }: { document: Document }) {
	return (
		<>
			{hidesText(d) && <Hidden document={d} />}
			{isPoorScan(d) && <PoorScan document={d} />}
		</>
	);
}
