// The source panel: a document opened at the place that was quoted.
import { signal } from '@preact/signals';
import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { ApiError, get, query } from '../base/api';
import { t } from '../base/i18n';
import { Icon } from '../base/icons';
import { useShortcut } from '../base/keys';
import { closeSource, source, type Source } from '../base/source';
import type { Box, Citation, DocumentText, Run, View } from '../base/types';
import { Button, ErrorNote, IconButton } from '../base/ui';
import { whereText } from '../base/where';
import { openCitation, SupportNote } from './citations';
import { byteLength } from './bytes';
import { PageView, ZOOM_MAX, ZOOM_MIN, type Highlight } from './page-view';
import { useNarrow, Width } from './resize';
import { TextView } from './text-view';
import { headingPath } from './where';

const LOOK_AGAIN_MS = 15000; // whether it may still be read
const PIECE = 48 * 1024, LEAD = 12 * 1024;
const asText = signal(false); // a reader's choice for PDFs, for as long as the page is open

interface Opened { text: DocumentText; highlight: Highlight; page: number; heading: string; citations: Citation[] | null }

const isGone = (error: unknown) => error instanceof ApiError && error.status === 404;

/** The citations of the answer it was opened from: given along, or asked for. */
async function answerOf(s: Source, signal: AbortSignal): Promise<Citation[] | null> {
	if (s.answer || !s.citation) {
		return s.answer?.citations ?? null;
	}
	const run = await get<Run>(`/v1/runs/${s.citation.split(':')[0]}`, { signal }).catch(() => null);
	return run?.citations ?? null;
}

async function chunkOf(s: Source, signal: AbortSignal): Promise<{ heading: string; boxes: Box[]; pageFirst?: number }> {
	return s.chunkId ? get(`/v1/chunks/${s.chunkId}`, { signal }) : { heading: '', boxes: [] };
}

async function textOf(s: Source, chunkId: string | undefined, signal: AbortSignal): Promise<DocumentText> {
	const url = `/v1/documents/${s.documentId}/text`;
	const first = await get<DocumentText>(url + query({ chunk: chunkId, limit: PIECE }), { signal });
	const h = first.highlight;
	if (!h || (h.byteStart >= first.byteStart && h.byteEnd <= first.byteStart + byteLength(first.text))) {
		return first;
	}
	const from = Math.max(0, h.byteStart - LEAD);
	return get<DocumentText>(url + query({ chunk: chunkId, from, limit: PIECE + h.byteEnd - h.byteStart }), { signal });
}

async function load(s: Source, signal: AbortSignal): Promise<Opened> {
	const citations = await answerOf(s, signal);
	const cited = s.citation ? citations?.find((c) => c.ordinal === Number(s.citation!.split(':')[1])) : undefined;
	const chunkId = s.chunkId ?? cited?.chunkId;
	const [chunk, text] = await Promise.all([chunkOf({ ...s, chunkId }, signal), textOf(s, chunkId, signal)]);
	// While an answer is written the server can draw its passages only; then those are in the middle.
	const quoted = s.citation ? s.boxes ?? cited?.boxes : undefined;
	return {
		text,
		highlight: { chunk: chunkId, citation: s.citation, boxes: quoted?.length ? quoted : chunk.boxes },
		page: s.page ?? cited?.page ?? text.highlight?.page ?? 1,
		heading: chunk.heading || s.heading || '',
		citations,
	};
}

/** Of an office document: its pages, drawn by the server, which may take seconds the first time; null until then, or never. */
function useView(s: Source, opened: Opened | null): { view: View | null; drawing: boolean } {
	const [state, setState] = useState<{ of: Opened | null; view: View | null; drawing: boolean }>({ of: null, view: null, drawing: false });
	useEffect(() => {
		if (!opened || isDrawable(opened.text)) {
			return;
		}
		const stop = new AbortController();
		const { chunk, citation } = opened.highlight;
		const ask = (draw: number) => get<View>(`/v1/documents/${s.documentId}/view${query({ chunk: citation ? undefined : chunk, citation, version: chunk || citation ? undefined : opened.text.versionId, draw })}`, { signal: stop.signal });
		const settle = (view: View) => setState({ of: opened, view: view.state === 'ready' ? view : null, drawing: false });
		const draw = async (): Promise<View> => {
			try {
				return await ask(1);
			} catch (e) {
				if (!(e instanceof ApiError && e.status === 503) || stop.signal.aborted) {
					throw e;
				}
				await new Promise((done) => setTimeout(done, Math.max(1000, e.retryAfterMs)));
				return draw();
			}
		};
		const look = async () => {
			const first = await ask(0);
			if (first.state !== 'possible') {
				return settle(first);
			}
			setState({ of: opened, view: null, drawing: true });
			return settle(await draw());
		};
		look().catch(() => !stop.signal.aborted && setState({ of: opened, view: null, drawing: false })); // its text is there
		return () => stop.abort();
	}, [opened]);
	return state.of === opened ? state : { view: state.view?.versionId === opened?.text.versionId ? state.view : null, drawing: false };
}

interface State { source: Source | null; opened: Opened | null; error: string; gone: boolean }

/** What was opened stays until the next is there, so that stepping through citations of one document does not flicker. */
function useOpened(s: Source, round: number) {
	const [state, setState] = useState<State>({ source: null, opened: null, error: '', gone: false });
	const lose = () => setState({ source: s, opened: null, error: '', gone: true });
	useEffect(() => {
		const stop = new AbortController();
		if (state.opened && state.opened.text.documentId !== s.documentId) {
			setState({ source: null, opened: null, error: '', gone: false });
		}
		load(s, stop.signal).then(
			(opened) => !stop.signal.aborted && setState({ source: s, opened, error: '', gone: false }),
			(e) => !stop.signal.aborted && (isGone(e) ? lose() : setState({ source: s, opened: null, error: e.message, gone: false })),
		);
		return () => stop.abort();
	}, [s, round]);
	useEffect(() => {
		const look = () => {
			if (document.visibilityState === 'visible') {
				get(`/v1/documents/${s.documentId}`).catch((e) => isGone(e) && source.peek() === s && lose());
			}
		};
		const timer = setInterval(look, LOOK_AGAIN_MS);
		document.addEventListener('visibilitychange', look);
		return () => (clearInterval(timer), document.removeEventListener('visibilitychange', look));
	}, [s]);
	return { ...state, lose };
}

function Stepper({ s, citations }: { s: Source; citations: Citation[] | null }) {
	const ordinal = s.answer?.ordinal ?? (s.citation ? Number(s.citation.split(':')[1]) : 0);
	const list = (citations ?? []).filter((c) => c.documentId && !c.gone);
	const at = list.findIndex((c) => c.ordinal === ordinal);
	if (at < 0) {
		return null;
	}
	const step = (by: number) => {
		const next = list[(at + by + list.length) % list.length]!;
		openCitation(s.answer?.runId ?? s.citation!.split(':')[0]!, citations!, next.ordinal, s.answer?.stored ?? true);
	};
	return (
		<div class="cited">
			<div class="row apart">
				<span class="small">{t('trust.citationOf', { n: at + 1, of: list.length })}</span>
				{list.length > 1 && (
					<span class="row">
						<IconButton icon="chevronLeft" label={t('trust.previousCitation')} onClick={() => step(-1)} />
						<IconButton icon="chevronRight" label={t('trust.nextCitation')} onClick={() => step(1)} />
					</span>
				)}
			</div>
			{list[at]!.quote && <blockquote dir="auto">{list[at]!.quote}</blockquote>}
			<SupportNote support={list[at]!.support} />
		</div>
	);
}

function PageField({ page, of, go }: { page: number; of: number; go: (page: number) => void }) {
	const [typed, setTyped] = useState<string | null>(null);
	const done = () => {
		const n = Number(typed);
		if (typed && Number.isInteger(n)) {
			go(Math.min(of, Math.max(1, n)));
		}
		setTyped(null);
	};
	return (
		<label class="page-field small">
			<span class="read-only-aloud">{t('trust.pageField')}</span>
			<input
				inputMode="numeric"
				value={typed ?? String(page)}
				onFocus={(e) => e.currentTarget.select()}
				onInput={(e) => setTyped(e.currentTarget.value)}
				onBlur={done}
				onKeyDown={(e) => {
					if (e.key === 'Enter') {
						e.preventDefault();
						done();
					} else if (e.key === 'Escape' && typed !== null) {
						e.preventDefault();
						e.stopPropagation();
						setTyped(null);
					}
				}}
			/>
			<span>{t('trust.ofPages', { n: of })}</span>
		</label>
	);
}

interface ToolsProps { s: Source; opened: Opened; page: number; of: number; drawn: boolean; drawable: boolean; drawing: boolean; zoom: number; setZoom: (zoom: number) => void; go: (page: number) => void }

function Tools({ s, opened, page, of, drawn, drawable, drawing, zoom, setZoom, go }: ToolsProps) {
	const content = `/v1/documents/${s.documentId}/content`;
	const version = { version: opened.text.versionId };
	const percent = `${Math.round(zoom * 100)} %`;
	return (
		<div class="source-tools" role="toolbar" aria-label={t('trust.tools')}>
			{drawn && (
				<>
					<IconButton icon="chevronLeft" label={t('trust.previousPage')} disabled={page <= 1} onClick={() => go(page - 1)} />
					<PageField page={page} of={of} go={go} />
					<IconButton icon="chevronRight" label={t('trust.nextPage')} disabled={page >= of} onClick={() => go(page + 1)} />
					<span class="gap" />
					<IconButton class="zoom-button" icon="zoomOut" label={t('trust.zoomOut')} disabled={zoom <= ZOOM_MIN} onClick={() => setZoom(zoom / 1.25)} />
					<button type="button" class="button quiet zoom" title={t('trust.fitWidth')} aria-label={`${percent} – ${t('trust.fitWidth')}`} onClick={() => setZoom(1)}>
						{percent}
					</button>
					<IconButton class="zoom-button" icon="zoomIn" label={t('trust.zoomIn')} disabled={zoom >= ZOOM_MAX} onClick={() => setZoom(zoom * 1.25)} />
				</>
			)}
			{drawing && <span class="small muted" role="status">{t('trust.drawing')}</span>}
			<span class="grow" />
			{drawable && (
				<button type="button" class="button quiet" aria-pressed={asText.value} onClick={() => (asText.value = !asText.value)}>{t('trust.asText')}</button>
			)}
			<a class="icon-button" href={`${content}${query({ ...version, inline: 1 })}${drawn && isDrawable(opened.text) ? `#page=${page}` : ''}`} target="_blank" rel="noopener" aria-label={t('trust.original')} title={t('trust.original')}>
				<Icon name="external" />
			</a>
			<a class="icon-button" href={content + query(version)} download aria-label={t('trust.download')} title={t('trust.download')}>
				<Icon name="download" />
			</a>
		</div>
	);
}

const isDrawable = (text: DocumentText) => /^(application\/pdf$|image\/)/.test(text.mediaType ?? '') && text.pages.some((p) => p.width && p.height);

/** On a small screen the highlighted lines, not the page's margins, fill the width. */
function readable({ highlight, page, text }: Opened): number {
	const mine = highlight.boxes.filter((b) => b.page === page).map((b) => b.rect);
	const width = text.pages.find((p) => p.number === page)?.width;
	const lines = Math.max(...mine.map((r) => r[2])) - Math.min(...mine.map((r) => r[0]));
	return mine.length && width ? Math.min(1.6, Math.max(1, width / (lines * 1.12))) : 1;
}

/** Keys for whoever has the focus in the panel. */
function useKeys({ go, page, zoom, setZoom, close }: { go: (page: number) => void; page: number; zoom: number; setZoom: (zoom: number) => void; close: () => void }) {
	return (e: KeyboardEvent) => {
		const target = e.target as HTMLElement;
		if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey) {
			return;
		}
		if (e.key === 'Escape') {
			e.preventDefault();
			close();
			return;
		}
		const sideways = target.classList.contains('source-pages') && target.scrollWidth > target.clientWidth + 1;
		const keys: Record<string, () => void> = { '+': () => setZoom(zoom * 1.25), '-': () => setZoom(zoom / 1.25), '0': () => setZoom(1) };
		if (!sideways) {
			keys.ArrowLeft = () => go(page - 1);
			keys.ArrowRight = () => go(page + 1);
		}
		if (keys[e.key] && target.tagName !== 'INPUT' && target.getAttribute('role') !== 'separator') {
			e.preventDefault();
			keys[e.key]!();
		}
	};
}

/** The focus comes in when it opens; on a phone nothing behind it can be reached. */
function useFocusInside(s: Source, narrow: boolean) {
	const ref = useRef<HTMLDivElement>(null);
	useLayoutEffect(() => {
		if (!ref.current!.contains(document.activeElement)) {
			ref.current!.focus({ preventScroll: true });
		}
	}, [s]);
	const behind = () => document.querySelectorAll<HTMLElement>('#main, .desk > .sidebar, .skip');
	const free = () => behind().forEach((e) => (e.inert = false));
	useLayoutEffect(() => {
		behind().forEach((e) => (e.inert = narrow));
		return free;
	}, [narrow]);
	return { ref, close: () => (free(), closeSource()) };
}

export function SourcePanel() {
	const s = source.value!;
	const title = useId();
	const narrow = useNarrow();
	const [round, setRound] = useState(0);
	const { opened, error, gone, lose } = useOpened(s, round);
	const { ref, close } = useFocusInside(s, narrow);
	const [zoom, zoomTo] = useState(1);
	const setZoom = (z: number) => zoomTo(Math.min(ZOOM_MAX, Math.max(ZOOM_MIN, Math.abs(z - 1) < 0.02 ? 1 : z)));
	const [page, setPage] = useState(1);
	const goTo = useRef<(page: number) => void>(() => {});
	const { view, drawing } = useView(s, opened);
	const sizes = useMemo(() => (view?.pages ?? opened?.text.pages ?? []).map((p) => ({ number: p.number, width: p.width || 595, height: p.height || 842 })), [opened?.text, view]);
	const drawable = opened !== null && (view !== null || isDrawable(opened.text));
	const drawn = drawable && !asText.value;
	const go = (n: number) => n >= 1 && n <= sizes.length && goTo.current(n);
	const heading = headingPath(opened?.heading || s.heading);
	const where = [whereText(s), heading].filter(Boolean).join(' · ');
	useLayoutEffect(() => {
		if (opened) {
			setZoom(narrow ? readable(opened) : 1);
		}
	}, [opened?.text.documentId, narrow]);
	const onKeyDown = useKeys({ go, page, zoom, setZoom, close });
	useShortcut('escape', '', () => !document.querySelector('dialog[open]') && close());
	const what = { onPage: setPage, onGone: lose, aim: view ?? opened };
	return (
		<div class="source" ref={ref} tabIndex={-1} role={narrow ? 'dialog' : 'complementary'} aria-modal={narrow || undefined} aria-labelledby={title} onKeyDown={onKeyDown}>
			{!narrow && <Width />}
			<header class="source-head">
				<div class="grow">
					<h2 id={title} class="clip" dir="auto" title={s.name}>{s.name || t('trust.source')}</h2>
					{where && <p class="muted small clip" dir="auto" title={where}>{where}</p>}
				</div>
				<IconButton icon="close" label={t('close')} onClick={close} />
			</header>
			{gone && (
				<div class="source-gone" role="alert">
					<Icon name="eyeOff" size={28} />
					<p>{t('trust.gone')}</p>
				</div>
			)}
			{error && (
				<div class="source-gone">
					<ErrorNote text={error} />
					<Button icon="refresh" onClick={() => setRound(round + 1)}>{t('retry')}</Button>
				</div>
			)}
			{opened && !gone && (
				<>
					<Stepper s={s} citations={opened.citations} />
					<Tools {...{ s, opened, page, of: sizes.length, drawn, drawable, drawing, zoom, setZoom, go }} />
					{drawn ? (
						<PageView
							key={opened.text.versionId}
							{...what} {...{ zoom, setZoom, goTo }}
							documentId={s.documentId} versionId={opened.text.versionId}
							pages={sizes} highlight={view ? { ...opened.highlight, boxes: view.boxes } : opened.highlight} page={view ? view.page ?? 1 : opened.page}
						/>
					) : (
						<TextView {...what} first={opened.text} quote={s.quote} />
					)}
				</>
			)}
			{!opened && !gone && !error && <div class="source-waiting" aria-busy="true" />}
		</div>
	);
}
