// A document's pages as the server draws them, or its text.
import { useEffect, useState } from 'preact/hooks';
import { get, query, request, sentence } from '../base/api';
import { t } from '../base/i18n';
import type { Document, DocumentText, View } from '../base/types';
import { capital, whereText } from '../base/where';
import { cutAtBytes } from '../trust/bytes';
import { Button, ErrorNote, IconButton, useAttempt, useLoad } from '../base/ui';

const WIDTH = 1200;

/** An image that needs the access token: fetched, and shown from memory. The former stays until the next is there. */
function useImage(url: string) {
	const [shown, setShown] = useState<{ url: string; src: string } | null>(null);
	const [error, setError] = useState('');
	useEffect(() => {
		const stop = new AbortController();
		setError('');
		request(url, { signal: stop.signal }).then((r) => r.blob()).then(
			(blob) => !stop.signal.aborted && setShown({ url, src: URL.createObjectURL(blob) }),
			(e) => !stop.signal.aborted && setError(sentence(e)),
		);
		return () => stop.abort();
	}, [url]);
	useEffect(() => () => {
		if (shown) {
			URL.revokeObjectURL(shown.src);
		}
	}, [shown]);
	return { src: shown?.src, busy: shown?.url !== url && !error, error };
}

function Pages({ document: d, of, page, onPage }: { document: Document; of: number; page: number; onPage: (page: number) => void }) {
	const { src, busy, error } = useImage(`/v1/documents/${d.id}/pages/${page}.png${query({ width: WIDTH })}`);
	const turn = (to: number) => to >= 1 && to <= of && onPage(to);
	return (
		<div
			class="preview-pages"
			tabIndex={0}
			role="group"
			aria-label={t('document.preview')}
			aria-busy={busy}
			onKeyDown={(e) => {
				const step = { ArrowLeft: -1, PageUp: -1, ArrowRight: 1, PageDown: 1 }[e.key];
				if (step && e.target === e.currentTarget) {
					e.preventDefault();
					turn(page + step);
				}
			}}
		>
			<div class="row preview-bar">
				<IconButton icon="chevronLeft" label={t('document.previous')} disabled={page <= 1} onClick={() => turn(page - 1)} />
				<span class="small" role="status">{t('document.page', { page, n: of })}</span>
				<IconButton icon="chevronRight" label={t('document.next')} disabled={page >= of} onClick={() => turn(page + 1)} />
			</div>
			<ErrorNote text={error} />
			{!error && <div class="sheet">{src && <img src={src} alt={t('document.page', { page, n: of })} />}</div>}
		</div>
	);
}

const viewOf = (d: Document, draw: number, signal?: AbortSignal) => get<View>(`/v1/documents/${d.id}/view${query({ draw })}`, { signal });

/** Pages that the server draws of an office document once somebody wants them. */
function DrawnPages({ document: d, page, onPage }: { document: Document; page: number; onPage: (page: number) => void }) {
	const { value, error, reload } = useLoad((signal) => viewOf(d, 1, signal), [d.id, d.currentVersionId]);
	if (error) {
		return <><ErrorNote text={error} /><Button icon="refresh" onClick={reload}>{t('retry')}</Button></>;
	}
	if (!value) {
		return <p class="muted preview-none" role="status">{t('trust.drawing')}</p>;
	}
	return value.state === 'ready' ? <Pages document={d} of={value.pages.length} page={page} onPage={onPage} /> : <p class="muted preview-none">{t('document.notDrawn')}</p>;
}

/** A part of the text, with a line at the beginning of each page. */
function TextPart({ part }: { part: DocumentText }) {
	const { unit, byteStart: start, text } = part;
	const pages = unit ? part.pages.filter((p) => p.byteStart >= start && p.byteStart < (part.next ?? part.bytes)) : [];
	const [before, ...after] = cutAtBytes(text, start, pages.map((p) => p.byteStart));
	return (
		<>
			{before}
			{after.map((words, i) => [
				<span class="page-break" key={pages[i]!.number}>{capital(whereText({ page: pages[i]!.number, place: pages[i]!.label ?? '', unit }))}</span>,
				words,
			])}
		</>
	);
}

function Text({ document: d }: { document: Document }) {
	const url = (from: number) => `/v1/documents/${d.id}/text${query({ from, limit: 60000 })}`;
	const first = useLoad((signal) => get<DocumentText>(url(0), { signal }), [d.id, d.currentVersionId]);
	const [rest, setRest] = useState<DocumentText[]>([]);
	const { busy, error, attempt } = useAttempt();
	useEffect(() => setRest([]), [first.value]);
	const last = rest.at(-1) ?? first.value;
	return (
		<>
			<ErrorNote text={first.error || error} />
			{first.value && (
				<div class={first.value.unit === 'sheet' ? 'preview-text cells' : 'preview-text'} tabIndex={0} role="group" aria-label={t('document.text')} lang={first.value.language ?? undefined}>
					{[first.value, ...rest].map((part) => <TextPart key={part.byteStart} part={part} />)}
				</div>
			)}
			{last?.next != null && (
				<Button disabled={busy} onClick={() => attempt(async () => setRest([...rest, await get<DocumentText>(url(last.next!))]))}>{t('document.moreText')}</Button>
			)}
		</>
	);
}

export function Preview({ document: d }: { document: Document }) {
	const own = /^(application\/pdf$|image\/)/.test(d.mediaType ?? '') && d.pages > 0;
	const view = useLoad<View | null>(async (signal) => (own || !d.currentVersionId ? null : viewOf(d, 0, signal)), [d.id, d.currentVersionId]);
	const drawn = own || view.value?.state === 'ready' || view.value?.state === 'possible';
	const [asText, setAsText] = useState(!own);
	const [page, setPage] = useState(1);
	if (!d.currentVersionId && !own) {
		return <p class="muted preview-none">{t(d.state === 'failed' ? 'document.noPreviewFailed' : 'document.noPreview')}</p>;
	}
	return (
		<section class="preview" aria-label={t('document.preview')}>
			{drawn && d.currentVersionId && (
				<div class="segments" role="group" aria-label={t('document.preview')}>
					<button type="button" aria-pressed={!asText} onClick={() => setAsText(false)}>{t('document.pages')}</button>
					<button type="button" aria-pressed={asText} onClick={() => setAsText(true)}>{t('document.text')}</button>
				</div>
			)}
			{asText || !drawn ? <Text document={d} /> : own ? <Pages document={d} of={d.pages} page={page} onPage={setPage} /> : <DrawnPages document={d} page={page} onPage={setPage} />}
		</section>
	);
}
