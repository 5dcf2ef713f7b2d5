// Documents as a table; on narrow screens its rows are cards.
import type { TargetedEvent } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { formatBytes, formatDate, formatTime, t } from '../base/i18n';
import { Icon } from '../base/icons';
import { link } from '../base/router';
import type { Document, JobBrief } from '../base/types';
import { Progress } from '../base/ui';
import { countText } from '../base/where';
import { Who } from './acl';
import { isOver, watchJob } from './jobs';
import { hidesText, isPoorScan } from './warnings';
import { baseName, folderOf, isBeingRead, moodOf, stageText, troubleText } from './words';

export type SortKey = 'name' | 'state' | 'pages' | 'bytes' | 'created';
const COLUMNS: { key: SortKey; label: string; class?: string }[] = [
	{ key: 'name', label: 'col.name' },
	{ key: 'state', label: 'col.state' },
	{ key: 'pages', label: 'col.pages', class: 'number' },
	{ key: 'bytes', label: 'col.size', class: 'number' },
	{ key: 'created', label: 'col.added', class: 'number' },
];
export const SORT_KEYS = COLUMNS.map((c) => c.key);
export const sortLabel = (key: SortKey): string => t(COLUMNS.find((c) => c.key === key)!.label);

/** The job of a document as it is now; onOver when it ends. */
export function useJob(d: Document | undefined, onOver: () => void): JobBrief | null {
	const [fresh, setFresh] = useState<JobBrief | null>(null);
	const told = useRef(onOver);
	told.current = onOver;
	const id = d?.job && !isOver(d.job) ? d.job.id : null;
	useEffect(() => {
		setFresh(null);
		return id
			? watchJob(id, (job) => {
				setFresh(job);
				if (!job || isOver(job)) {
					told.current();
				}
			})
			: undefined;
	}, [id]);
	return fresh?.id === d?.job?.id ? fresh ?? d?.job ?? null : d?.job ?? null;
}

export function StateTag({ document: d, job }: { document: Document; job: JobBrief | null }) {
	if (job && !isOver(job) && (isBeingRead(d) || d.state === 'indexed')) {
		const label = stageText(job);
		return (
			<div class="state-progress">
				<span class="small">{label}</span>
				<Progress label={label} value={job.state === 'queued' ? 0 : job.done} max={job.state === 'queued' ? 1 : job.total} />
			</div>
		);
	}
	return (
		<span class={`tag ${moodOf(d)}`} title={troubleText(d) || undefined}>
			{t(`state.${d.state}`)}
		</span>
	);
}

function WarningTags({ document: d }: { document: Document }) {
	return (
		<>
			{hidesText(d) && <span class="tag warn" title={t('warning.hidden')}><Icon name="eyeOff" size={14} />{t('warning.hiddenTag')}</span>}
			{isPoorScan(d) && <span class="tag warn" title={t('warning.poorCount', { n: d.warnings!.poorScans })}><Icon name="warning" size={14} />{t('warning.poorTag')}</span>}
		</>
	);
}

interface RowProps { document: Document; collection: string; selected: boolean; onSelect: (d: Document, on: boolean, range: boolean) => void; onOver: (d: Document) => void }

// Rendered again only when its properties change, since it looks at a signal (t's language): @preact/signals sees to it.
function Row({ document: d, collection, selected, onSelect, onOver }: RowProps) {
	const job = useJob(d, () => onOver(d));
	const name = baseName(d.name);
	const trouble = troubleText(d);
	return (
		<tr role="row" class={selected ? 'selected' : ''} aria-selected={selected}>
			<td role="cell" class="d-check">
				<label class="check-area">
					<input type="checkbox" checked={selected} aria-label={t('select.one', { name })} onClick={(e: TargetedEvent<HTMLInputElement, MouseEvent>) => onSelect(d, e.currentTarget.checked, e.shiftKey)} />
				</label>
			</td>
			<td role="cell" class="d-name">
				<a class="document-link" href={link('document', d.id)} title={d.name}>
					<span class="clip"><bdi>{name}</bdi></span>
				</a>
				<div class="d-sub muted">
					{(folderOf(d.name) || collection) && <span class="clip"><bdi>{[collection, folderOf(d.name).slice(0, -1)].filter(Boolean).join(' / ')}</bdi></span>}
					{d.version > 1 && <span class="tag">{t('document.version', { n: d.version })}</span>}
					<WarningTags document={d} />
				</div>
				{trouble && <div class={`trouble small ${moodOf(d)}`}>{trouble}</div>}
			</td>
			<td role="cell" class="d-state"><StateTag document={d} job={job} /></td>
			<td role="cell" class="number d-pages">{countText(d.pages, d.paging) || <span class="muted">–</span>}</td>
			<td role="cell" class="number">{formatBytes(d.bytes)}</td>
			<td role="cell" class="number" title={d.createdMs ? formatTime(d.createdMs) : ''}>{d.createdMs ? formatDate(d.createdMs) : ''}</td>
			<td role="cell" class="who-cell"><Who access={d.access} own={d.ownAcl} /></td>
		</tr>
	);
}

export interface TableProps {
	rows: Document[];
	collectionNames: Map<string, string> | null;
	sort: string;
	onSort: (sort: string) => void;
	selected: Set<string>;
	onSelect: RowProps['onSelect'];
	onSelectAll: (on: boolean) => void;
	onOver: RowProps['onOver'];
}

export function DocumentTable({ rows, collectionNames, sort, onSort, selected, onSelect, onSelectAll, onOver }: TableProps) {
	const descending = sort.startsWith('-');
	const key = sort.replace('-', '');
	const all = rows.length > 0 && rows.every((d) => selected.has(d.id));
	return (
		<table class="list documents" role="table" aria-label={t('library.title')}>
			<thead role="rowgroup">
				<tr role="row">
					<th role="columnheader" class="d-check">
						<label class="check-area">
							<input type="checkbox" checked={all} aria-label={t('select.all')} onChange={(e) => onSelectAll(e.currentTarget.checked)} />
						</label>
					</th>
					{COLUMNS.map((c) => (
						<th role="columnheader" class={`${c.class ?? ''} ${c.key}-head`} aria-sort={c.key === key ? (descending ? 'descending' : 'ascending') : 'none'}>
							<button type="button" onClick={() => onSort(c.key === key && !descending ? `-${c.key}` : c.key)}>
								{t(c.label)}
								{c.key === key && <Icon name={descending ? 'chevronDown' : 'chevronUp'} size={14} />}
							</button>
						</th>
					))}
					<th role="columnheader" class="who-head">{t('col.who')}</th>
				</tr>
			</thead>
			<tbody role="rowgroup">
				{rows.map((d) => (
					<Row key={d.id} document={d} collection={collectionNames?.get(d.collectionId) ?? ''} selected={selected.has(d.id)} onSelect={onSelect} onOver={onOver} />
				))}
			</tbody>
		</table>
	);
}
