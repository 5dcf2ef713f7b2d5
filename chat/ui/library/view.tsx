// The library: collections, and the documents of one or of all.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { get } from '../base/api';
import { t } from '../base/i18n';
import { link, place, replacePlace } from '../base/router';
import type { Collection, Document } from '../base/types';
import { Button, Empty, ErrorNote, IconButton, Menu, useLoad } from '../base/ui';
import { Who } from './acl';
import { CollectionMenu, Collections, NewCollection } from './collections';
import { useDocuments } from './documents';
import { DropZone } from './drop';
import { type Found, pickFiles } from './files';
import { DocumentTable, SORT_KEYS, sortLabel } from './list';
import { RemoveDialog } from './remove';
import { arrivals, offerFiles } from './upload';

const STATES: Record<string, string> = { ready: 'indexed', open: 'queued,ingesting', bad: 'failed,no_text,cancelled' };
const NOTHING: ReadonlySet<string> = new Set();

/** Filter and order stand in the address, so that coming back finds the same list. */
function useFilter() {
	const { path, query } = place.value;
	const filter = { q: query.get('q') ?? '', state: query.get('state') ?? '', sort: query.get('sort') ?? 'name' };
	const set = (change: Partial<typeof filter>) => {
		const next = new URLSearchParams();
		for (const [key, value] of Object.entries({ ...filter, ...change })) {
			if (value && !(key === 'sort' && value === 'name')) {
				next.set(key, value);
			}
		}
		const text = next.toString();
		replacePlace(link(...path) + (text ? `?${text}` : ''));
	};
	return { filter, set };
}

function FilterField({ value, onChange }: { value: string; onChange: (q: string) => void }) {
	const [text, setText] = useState(value);
	const timer = useRef(0);
	useEffect(() => setText(value), [value]);
	useEffect(() => () => clearTimeout(timer.current), []);
	return (
		<input
			type="search"
			class="grow"
			aria-label={t('library.filter')}
			placeholder={t('library.filter')}
			value={text}
			onInput={(e) => {
				const now = e.currentTarget.value;
				setText(now);
				clearTimeout(timer.current);
				timer.current = window.setTimeout(() => onChange(now.trim()), 180);
			}}
		/>
	);
}

function Toolbar({ filter, set }: ReturnType<typeof useFilter>) {
	return (
		<div class="library-tools" role="search">
			<FilterField value={filter.q} onChange={(q) => set({ q })} />
			<select aria-label={t('library.filterState')} value={filter.state} onChange={(e) => set({ state: e.currentTarget.value })}>
				<option value="">{t('library.stateAll')}</option>
				<option value="ready">{t('library.stateReady')}</option>
				<option value="open">{t('library.stateOpen')}</option>
				<option value="bad">{t('library.stateBad')}</option>
			</select>
			<select class="only-cards" aria-label={t('library.sortBy')} value={filter.sort} onChange={(e) => set({ sort: e.currentTarget.value })}>
				{SORT_KEYS.flatMap((k) => [
					<option value={k}>{sortLabel(k)} ↑</option>,
					<option value={`-${k}`}>{sortLabel(k)} ↓</option>,
				])}
			</select>
		</div>
	);
}

/** Asks for more when it comes near. */
function Sentinel({ onNear, round }: { onNear: () => void; round: number }) {
	const ref = useRef<HTMLDivElement>(null);
	useEffect(() => {
		const observer = new IntersectionObserver(([entry]) => entry!.isIntersecting && onNear(), { rootMargin: '1200px' });
		observer.observe(ref.current!);
		return () => observer.disconnect();
	}, [round]);
	return <div ref={ref} class="muted small library-more">{t('library.loading')}</div>;
}

function AddMenu({ onFiles }: { onFiles: (found: Found[]) => void }) {
	return (
		<div class="add-buttons">
			<Button kind="primary" icon="upload" onClick={() => void pickFiles().then(onFiles)}>{t('library.add')}</Button>
			<Menu
				label={t('library.addFolder')}
				icon="chevronDown"
				items={[
					{ label: t('library.addFiles'), icon: 'file', run: () => void pickFiles().then(onFiles) },
					{ label: t('library.addFolder'), icon: 'folder', run: () => void pickFiles(true).then(onFiles) },
				]}
			/>
		</div>
	);
}

function Documents({ collection, collections, mayAdd, head }: { collection?: Collection; collections: Collection[] | undefined; mayAdd: boolean; head?: boolean }) {
	const tools = useFilter();
	const { filter, set } = tools;
	const list = useDocuments({ collection: collection?.id, q: filter.q, state: STATES[filter.state] ?? '', sort: filter.sort });
	const [selected, setSelected] = useState<ReadonlySet<string>>(NOTHING);
	const [removing, setRemoving] = useState(false);
	const rows = useRef(list.rows);
	rows.current = list.rows;
	const last = useRef('');

	const onSelect = useCallback((d: Document, on: boolean, range: boolean) => {
		const at = rows.current.findIndex((x) => x.id === d.id);
		const from = range ? rows.current.findIndex((x) => x.id === last.current) : -1;
		const touched = from < 0 ? [d] : rows.current.slice(Math.min(at, from), Math.max(at, from) + 1);
		last.current = d.id;
		setSelected((before) => {
			const next = new Set(before);
			touched.forEach((x) => (on ? next.add(x.id) : next.delete(x.id)));
			return next;
		});
	}, []);
	const onOver = useCallback(() => list.refresh(), []);
	const chosen = list.rows.filter((d) => selected.has(d.id));
	const filtered = filter.q !== '' || filter.state !== '';
	const names = collection || !collections ? null : new Map(collections.map((c) => [c.id, c.name]));

	if (list.loaded && !list.rows.length && !filtered && !list.error) {
		return mayAdd ? (
			<Empty icon="upload" title={t('library.emptyTitle')}><p>{t('library.emptyText')}</p></Empty>
		) : (
			<Empty icon="library" title={t('library.emptyTitle')}><p>{t('library.emptyReader')}</p></Empty>
		);
	}
	return (
		<section aria-label={t('library.title')}>
			{head && <h2 class="library-subhead">{t('library.all')}</h2>}
			{chosen.length ? (
				<div class="library-tools selection">
					<IconButton icon="close" label={t('select.clear')} onClick={() => setSelected(NOTHING)} />
					<span class="grow" role="status">{t('select.count', { n: chosen.length })}</span>
					<Button kind="danger" icon="trash" onClick={() => setRemoving(true)}>{t('delete')}</Button>
				</div>
			) : (
				<Toolbar filter={filter} set={set} />
			)}
			{list.rows.length > 0 && (
				<DocumentTable
					rows={list.rows}
					collectionNames={names}
					sort={filter.sort}
					onSort={(sort) => set({ sort })}
					selected={selected as Set<string>}
					onSelect={onSelect}
					onSelectAll={(on) => setSelected(on ? new Set(list.rows.map((d) => d.id)) : NOTHING)}
					onOver={onOver}
				/>
			)}
			{list.loaded && !list.rows.length && !list.error && (
				<Empty icon="search" title={t('library.noneFound')}>
					<p>{t('library.noneFoundText')}</p>
					<Button onClick={() => set({ q: '', state: '' })}>{t('library.clearFilter')}</Button>
				</Empty>
			)}
			{list.next && !list.error && <Sentinel onNear={list.more} round={list.rows.length} />}
			<ErrorNote text={list.error} />
			{list.error && <Button icon="refresh" onClick={list.refresh}>{t('retry')}</Button>}
			{removing && (
				<RemoveDialog
					documents={chosen}
					onClose={() => setRemoving(false)}
					onDone={() => (list.drop(new Set(selected)), setSelected(NOTHING), list.refresh())}
				/>
			)}
		</section>
	);
}

export function LibraryView() {
	const id = place.value.path[1];
	const loaded = useLoad((signal) => get<{ collections: Collection[] }>('/v1/collections', { signal }), [id]);
	const [creating, setCreating] = useState(false);
	const soon = useRef(0);
	useEffect(() => {
		let first = true;
		const off = arrivals.subscribe(() => {
			if (!first) {
				soon.current ||= window.setTimeout(() => ((soon.current = 0), loaded.reload()), 1000);
			}
			first = false;
		});
		return () => (off(), clearTimeout(soon.current));
	}, []);
	const onFiles = useCallback((found: Found[]) => offerFiles(found, id), [id]);
	const all = loaded.value?.collections;
	const collection = id ? all?.find((c) => c.id === id) : undefined;

	if (id && all && !collection) {
		return (
			<div class="view">
				<Empty title={t('notFound.title')}>
					<p>{t('notFound.text')}</p>
					<a href={link('library')}>{t('library.title')}</a>
				</Empty>
			</div>
		);
	}
	const mayAdd = !collection || collection.right === 'write' || collection.right === 'own';
	return (
		<DropZone class="view library" label={collection ? t('library.dropInto', { name: collection.name }) : t('library.dropHere')} onFiles={onFiles}>
			<div class="column" aria-busy={!all}>
				<header class="library-head">
					<div class="grow">
						{id && <a class="crumb" href={link('library')}>{t('library.title')}</a>}
						<h1>{id ? <bdi>{collection?.name ?? '…'}</bdi> : t('library.title')}</h1>
						{collection && <Who access={collection.access} />}
					</div>
					<div class="row">
						{!id && <Button icon="folder" onClick={() => setCreating(true)}>{t('coll.new')}</Button>}
						{mayAdd && <AddMenu onFiles={onFiles} />}
						{collection && <CollectionMenu collection={collection} onChanged={loaded.reload} />}
					</div>
				</header>
				<ErrorNote text={loaded.error} />
				{!id && all && all.length > 0 && <Collections all={all} />}
				{(!id || collection) && <Documents key={id ?? ''} collection={collection} collections={all} mayAdd={mayAdd} head={!id && !!all?.length} />}
			</div>
			{creating && <NewCollection onClose={() => setCreating(false)} onMade={() => loaded.reload()} />}
		</DropZone>
	);
}
