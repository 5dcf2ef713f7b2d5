// One document: what it looks like, what is known of it, who may read it, and what one may do with it.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { ApiError, get, patch, post, query } from '../base/api';
import { formatBytes, formatTime, lang, t } from '../base/i18n';
import { Icon } from '../base/icons';
import { go, link, place } from '../base/router';
import type { Document, JobBrief, Version } from '../base/types';
import { Button, Empty, ErrorNote, Menu, type MenuItem, toastError, useLoad } from '../base/ui';
import { countText } from '../base/where';
import { AccessDialog, Who } from './acl';
import { NameDialog } from './collections';
import { isOver } from './jobs';
import { StateTag, useJob } from './list';
import { Preview } from './preview';
import { mayDelete, RemoveDialog } from './remove';
import { Warnings } from './warnings';
import { baseName, folderOf, formatName, moodOf, reasonText, troubleText } from './words';

// The session's cookie goes with a plain link, so that the browser saves while it receives, and needs no memory for it.
const contentUrl = (d: Document, values: { version?: string; inline?: string } = {}): string => `/v1/documents/${d.id}/content${query(values)}`;

/** What browsers show by themselves, and the server lets them (chat/routes_download.c). */
/** The types that the server shows in place (chat/routes_download.c). */
const isShownByBrowser = (type: string | null): boolean => /^(application\/(pdf|json|xml)|text\/(plain|markdown|csv|tab-separated-values|x-source)|message\/rfc822|image\/(png|jpeg|gif|webp))$/.test(type ?? '');

function Fact({ label, children }: { label: string; children: ComponentChildren }) {
	return children ? (
		<div>
			<dt>{label}</dt>
			<dd>{children}</dd>
		</div>
	) : null;
}

const languageName = (code: string | null): string => {
	try {
		return code && code !== 'und' ? new Intl.DisplayNames(lang.value, { type: 'language' }).of(code) ?? '' : '';
	} catch {
		return '';
	}
};

function Facts({ document: d }: { document: Document }) {
	return (
		<dl class="document-facts">
			<Fact label={t('document.titleFact')}>{d.title && d.title !== d.name ? <bdi>{d.title}</bdi> : null}</Fact>
			<Fact label={t('document.collection')}>{d.collection && <a href={link('library', d.collectionId)}><bdi>{d.collection}</bdi></a>}</Fact>
			<Fact label={t('document.extent')}>{countText(d.pages, d.paging)}</Fact>
			<Fact label={t('col.size')}>{formatBytes(d.bytes)}</Fact>
			<Fact label={t('document.type')}>{d.mediaType && <span title={d.mediaType}>{formatName(d.mediaType)}</span>}</Fact>
			<Fact label={t('document.language')}>{languageName(d.language)}</Fact>
			<Fact label={t('col.added')}>{d.createdMs ? formatTime(d.createdMs) : null}</Fact>
		</dl>
	);
}

function Versions({ document: d }: { document: Document }) {
	const { value, error } = useLoad((signal) => get<{ versions: Version[] }>(`/v1/documents/${d.id}/versions`, { signal }), [d.id, d.versionId, d.state]);
	const all = (value?.versions ?? []).slice().sort((a, b) => b.seq - a.seq);
	return (
		<section>
			<h2>{t('document.versions')}</h2>
			<ErrorNote text={error} />
			<ul class="document-versions">
				{all.map((v) => (
					<li key={v.id}>
						<div class="grow">
							<div class="row">
								<strong>{t('document.version', { n: v.seq })}</strong>
								{v.id === d.currentVersionId ? <span class="tag good">{t('document.current')}</span> : <span class={`tag ${moodOf({ ...d, state: v.state })}`}>{t(`state.${v.state}`)}</span>}
							</div>
							<small>{[v.createdMs ? formatTime(v.createdMs) : '', formatBytes(v.bytes)].filter(Boolean).join(' · ')}</small>
							{v.state === 'failed' && v.id !== d.versionId && <div class="trouble small">{reasonText(v.reason, v.message)}</div>}
						</div>
						{v.state !== 'purged' && <a class="icon-button" href={contentUrl(d, { version: v.id })} download aria-label={t('document.downloadVersion', { n: v.seq })} title={t('document.download')}><Icon name="download" /></a>}
					</li>
				))}
			</ul>
		</section>
	);
}

function Trouble({ document: d, job, onChanged }: { document: Document; job: JobBrief | null; onChanged: () => void }) {
	const text = troubleText(d);
	const may = mayDelete(d) && job;
	const order = (what: 'retry' | 'cancel') => post(`/v1/jobs/${job!.id}/${what}`).then(onChanged, toastError);
	const over = !job || isOver(job);
	if (!text && over && d.state !== 'cancelled') {
		return null;
	}
	return (
		<div class={`trouble-box ${moodOf(d)}`} role={text ? 'alert' : undefined}>
			<div class="grow">{over ? text || t(`state.${d.state}`) : <StateTag document={d} job={job} />}</div>
			{may && (over ? <Button icon="refresh" onClick={() => void order('retry')}>{t('document.retry')}</Button> : <Button icon="stop" onClick={() => void order('cancel')}>{t('document.stop')}</Button>)}
		</div>
	);
}

function Shown({ document: d, reload }: { document: Document; reload: () => void }) {
	const [doing, setDoing] = useState<'rename' | 'delete' | 'access' | null>(null);
	const job = useJob(d, reload);
	const close = () => setDoing(null);
	const items: MenuItem[] = [
		...(mayDelete(d) ? [{ label: t('rename'), icon: 'edit', run: () => setDoing('rename') } as const] : []),
		...(d.right === 'own' ? [{ label: t('acl.change'), icon: 'share', run: () => setDoing('access') } as const] : []),
		...(mayDelete(d) ? [{ label: t('delete'), icon: 'trash', danger: true, run: () => setDoing('delete') } as const] : []),
	];
	return (
		<div class="column wide-column document">
			<header class="library-head">
				<div class="grow">
					<nav class="crumb clip" aria-label={t('library.title')}>
						<a href={link('library')}>{t('library.title')}</a>
						{d.collection && <> / <a href={link('library', d.collectionId)}><bdi>{d.collection}</bdi></a></>}
						{folderOf(d.name) && <bdi> / {folderOf(d.name).slice(0, -1)}</bdi>}
					</nav>
					<h1 class="document-name" title={d.name}><bdi>{baseName(d.name)}</bdi></h1>
				</div>
				<div class="row">
					{isShownByBrowser(d.mediaType) && <a class="button" href={contentUrl(d, { inline: '1' })} target="_blank" rel="noopener"><Icon name="external" />{t('document.open')}</a>}
					<a class="button" href={contentUrl(d)} download><Icon name="download" />{t('document.download')}</a>
					{items.length > 0 && <Menu label={t('more')} items={items} />}
				</div>
			</header>
			<Trouble document={d} job={job} onChanged={reload} />
			<Warnings document={d} />
			<div class="document-body">
				<Preview key={d.currentVersionId ?? d.versionId} document={d} />
				<aside class="stack document-side">
					<section>
						<h2>{t('col.who')}</h2>
						<Who access={d.access} own={d.ownAcl} />
						{d.right === 'own' && <Button kind="quiet" icon="share" onClick={() => setDoing('access')}>{t('acl.change')}</Button>}
					</section>
					<section>
						<h2>{t('document.facts')}</h2>
						<Facts document={d} />
					</section>
					<Versions document={d} />
				</aside>
			</div>
			{doing === 'rename' && (
				<NameDialog title={t('document.rename')} label={t('coll.name')} name={d.name} action={t('rename')} onClose={close}
					save={async (name) => (await patch(`/v1/documents/${d.id}`, { name }), reload())} />
			)}
			{doing === 'access' && <AccessDialog what={{ kind: 'document', id: d.id, name: baseName(d.name) }} onClose={close} onSaved={reload} />}
			{doing === 'delete' && <RemoveDialog documents={[d]} onClose={close} onDone={() => (d.collectionId ? go('library', d.collectionId) : go('library'))} />}
		</div>
	);
}

function Loaded({ id }: { id: string }) {
	const [gone, setGone] = useState(false);
	const { value, error, reload } = useLoad(
		(signal) => get<Document>(`/v1/documents/${id}`, { signal }).catch((e) => {
			setGone(e instanceof ApiError && e.status === 404);
			throw e;
		}),
		[id],
	);
	if (gone) {
		return <Empty title={t('notFound.title')}><p>{t('notFound.text')}</p><a href={link('library')}>{t('library.title')}</a></Empty>;
	}
	return (
		<>
			<ErrorNote text={error} />
			{value && <Shown document={value} reload={reload} />}
		</>
	);
}

export function DocumentView() {
	const id = place.value.path[1] ?? '';
	return <div class="view library"><Loaded key={id} id={id} /></div>;
}
