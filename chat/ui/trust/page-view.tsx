// The pages of a document as the server draws them, one below the other; only those near the visible part are asked for.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ApiError, query, request, sentence } from '../base/api';
import { t } from '../base/i18n';
import type { Box } from '../base/types';

export interface PageSize { number: number; width: number; height: number }
export interface Highlight { chunk?: string; citation?: string; boxes: Box[] }

const GAP = 12, MARGIN = 16; // CSS pixels between pages, and around them
const WIDTH_STEP = 200, WIDTH_MAX = 2400; // of an image: few sizes, so that resizing does not ask for each
const SETTLE_MS = 60; // a page that only flies past is not drawn

/** Where each page stands: tops[i], and the height of all. */
function layout(pages: PageSize[], width: number) {
	let top = MARGIN;
	const tops = pages.map((p) => {
		const mine = top;
		top += (width * p.height) / p.width + GAP;
		return mine;
	});
	return { tops, height: top - GAP + MARGIN };
}

const indexAt = (tops: number[], y: number) => Math.max(0, tops.findLastIndex((top) => top <= y));

interface ImageProps { url: string; fallback?: string; label: string; onGone: () => void }

/** One drawn page; what is shown stays until the next is decoded. */
function PageImage({ url, fallback, label, onGone }: ImageProps) {
	const [src, setSrc] = useState('');
	const [error, setError] = useState('');
	const held = useRef('');
	useEffect(() => () => URL.revokeObjectURL(held.current), []);
	useEffect(() => {
		const stop = new AbortController();
		const { signal } = stop;
		const fetchImage = (from: string) => request(from, { signal, headers: { accept: 'image/png' } });
		const load = async () => {
			const answer = await fetchImage(url).catch((e) => {
				if (e instanceof ApiError && e.status === 404 && fallback) {
					return fetchImage(fallback);
				}
				throw e;
			});
			const next = URL.createObjectURL(await answer.blob());
			const image = new Image();
			image.src = next;
			await image.decode().catch(() => {});
			if (signal.aborted) {
				URL.revokeObjectURL(next);
				return;
			}
			URL.revokeObjectURL(held.current);
			held.current = next;
			setSrc(next);
			setError('');
		};
		const failed = (e: unknown) => {
			if (signal.aborted) {
				return;
			}
			if (e instanceof ApiError && e.status === 404) {
				onGone();
			} else if (e instanceof ApiError && e.status === 429) {
				timer = window.setTimeout(() => void load().catch(failed), Math.max(500, e.retryAfterMs));
			} else {
				setError(sentence(e));
			}
		};
		let timer = window.setTimeout(() => void load().catch(failed), held.current ? 0 : SETTLE_MS);
		return () => (clearTimeout(timer), stop.abort());
	}, [url]);
	return (
		<>
			{src && <img src={src} alt={label} draggable={false} />}
			{error && <p class="error-note">{error}</p>}
		</>
	);
}

export interface PageViewProps {
	documentId: string;
	versionId: string;
	pages: PageSize[];
	highlight: Highlight;
	/** Page to begin with: shown with its highlight in the middle whenever `aim` changes. */
	page: number;
	aim: unknown;
	zoom: number;
	setZoom: (zoom: number) => void;
	onPage: (page: number) => void;
	onGone: () => void;
	/** Gets a function that goes to a page. */
	goTo: { current: (page: number) => void };
}

export const ZOOM_MIN = 0.5, ZOOM_MAX = 4;
const within = (zoom: number) => Math.min(ZOOM_MAX, Math.max(ZOOM_MIN, zoom));

/** Zooming by Ctrl and the wheel (which is what a trackpad's pinch sends), and by two fingers. */
function useZoomGestures(ref: { current: HTMLDivElement | null }, zoom: number, zoomAt: (to: number, x: number, y: number) => void): void {
	const now = useRef({ zoom, zoomAt });
	now.current = { zoom, zoomAt };
	useEffect(() => {
		const box = ref.current!;
		let pinch: { distance: number; zoom: number } | null = null;
		const onWheel = (e: WheelEvent) => {
			if (e.ctrlKey || e.metaKey) {
				e.preventDefault();
				now.current.zoomAt(now.current.zoom * Math.exp(-e.deltaY / 300), e.clientX, e.clientY);
			}
		};
		const between = ([a, b]: Touch[]) => ({ distance: Math.hypot(a!.clientX - b!.clientX, a!.clientY - b!.clientY), x: (a!.clientX + b!.clientX) / 2, y: (a!.clientY + b!.clientY) / 2 });
		const onTouch = (e: TouchEvent) => {
			if (e.touches.length !== 2) {
				pinch = null;
				return;
			}
			e.preventDefault();
			const { distance, x, y } = between([...e.touches]);
			pinch ??= { distance, zoom: now.current.zoom };
			now.current.zoomAt((pinch.zoom * distance) / pinch.distance, x, y);
		};
		const options = { passive: false };
		box.addEventListener('wheel', onWheel, options);
		for (const type of ['touchstart', 'touchmove', 'touchend'] as const) {
			box.addEventListener(type, onTouch, options);
		}
		return () => {
			box.removeEventListener('wheel', onWheel);
			for (const type of ['touchstart', 'touchmove', 'touchend'] as const) {
				box.removeEventListener(type, onTouch);
			}
		};
	}, []);
}

/** The width that pages have at zoom 1. */
function useFitWidth(ref: { current: HTMLDivElement | null }): number {
	const [fit, setFit] = useState(0);
	useLayoutEffect(() => {
		const measure = () => setFit(Math.max(100, ref.current!.clientWidth - 2 * MARGIN));
		const observer = new ResizeObserver(measure);
		observer.observe(ref.current!);
		measure();
		return () => observer.disconnect();
	}, []);
	return fit;
}

/** How much of the page, from its top and left edge, is to be in the middle. */
function middleOf(boxes: Box[], page: PageSize): { x: number; y: number } | null {
	const mine = boxes.filter((b) => b.page === page.number).map((b) => b.rect);
	if (!mine.length) {
		return null;
	}
	const mid = (a: number, b: number) => (Math.min(...mine.map((r) => r[a]!)) + Math.max(...mine.map((r) => r[b]!))) / 2;
	return { x: mid(0, 2) / page.width, y: mid(1, 3) / page.height };
}

export function PageView({ documentId, versionId, pages, highlight, page, aim, zoom, setZoom, onPage, onGone, goTo }: PageViewProps) {
	const ref = useRef<HTMLDivElement>(null);
	const fit = useFitWidth(ref);
	const width = fit * zoom;
	const { tops, height } = layout(pages, width || 1);
	const [near, setNear] = useState({ first: 0, last: -1 }); // pages that are there; by number, so that zooming takes none away
	const hold = useRef<{ index: number; y: number; x: number; atY: number; atX: number } | null>(null);

	const scrollTo = (number: number, boxes: Box[]) => {
		const index = Math.max(0, pages.findIndex((p) => p.number === number));
		const box = ref.current!, p = pages[index]!;
		const middle = middleOf(boxes, p);
		const tall = (width * p.height) / p.width;
		box.scrollTop = middle ? tops[index]! + middle.y * tall - box.clientHeight / 2 : tops[index]! - MARGIN / 2;
		if (middle) {
			box.scrollLeft = MARGIN + middle.x * width - box.clientWidth / 2;
		}
		look();
	};
	const look = () => {
		const box = ref.current!;
		const first = indexAt(tops, box.scrollTop - box.clientHeight / 2), last = indexAt(tops, box.scrollTop + box.clientHeight * 1.5);
		setNear((now) => (now.first === first && now.last === last ? now : { first, last }));
		onPage(pages[indexAt(tops, box.scrollTop + box.clientHeight / 2)]!.number);
	};
	goTo.current = (number) => scrollTo(number, []);

	// What is under the pointer (or in the middle) stays there while the width changes.
	const keep = (clientX?: number, clientY?: number) => {
		const box = ref.current!, edge = box.getBoundingClientRect();
		const atX = clientX === undefined ? box.clientWidth / 2 : clientX - edge.left;
		const atY = clientY === undefined ? box.clientHeight / 2 : clientY - edge.top;
		const index = indexAt(tops, box.scrollTop + atY);
		hold.current = { index, y: (box.scrollTop + atY - tops[index]!) / width, x: (box.scrollLeft + atX - MARGIN) / width, atX, atY };
	};
	useZoomGestures(ref, zoom, (to, x, y) => (keep(x, y), setZoom(within(to))));
	const before = useRef({ width: 0, aim: undefined as unknown });
	useLayoutEffect(() => {
		if (!fit) {
			return;
		}
		const box = ref.current!;
		if (before.current.aim !== aim || !before.current.width) {
			scrollTo(page, highlight.boxes);
		} else if (before.current.width !== width) {
			const h = hold.current ?? anchor.current;
			if (h) {
				box.scrollTop = tops[h.index]! + h.y * width - h.atY;
				box.scrollLeft = MARGIN + h.x * width - h.atX;
			}
			hold.current = null;
			look();
		}
		before.current = { width, aim };
	}, [width, aim, highlight.boxes]);
	const anchor = useRef<typeof hold.current>(null);
	const onScroll = () => {
		if (!ref.current) {
			return; // a scroll is told with the next frame, and the panel may be closed by then
		}
		look();
		keep();
		anchor.current = hold.current;
		hold.current = null;
	};

	const { first, last } = near;
	const pixels = Math.min(WIDTH_MAX, Math.ceil((width * devicePixelRatio) / WIDTH_STEP) * WIDTH_STEP);
	const url = (n: number, spot: Record<string, string | undefined>) =>
		`/v1/documents/${documentId}/pages/${n}.png${query({ ...spot, version: spot.chunk || spot.citation ? undefined : versionId, width: pixels })}`;
	return (
		<div class="source-pages" ref={ref} tabIndex={0} role="group" aria-label={t('trust.pagesLabel')} onScroll={onScroll}>
			<div class="source-pages-all" style={{ height: `${height}px`, width: `${width + 2 * MARGIN}px` }}>
				{fit > 0 && pages.slice(first, last + 1).map((p, i) => (
					<div key={p.number} class="source-page" data-page={p.number} style={{ top: `${tops[first + i]}px`, left: `${MARGIN}px`, width: `${width}px`, height: `${(width * p.height) / p.width}px` }}>
						<PageImage
							url={url(p.number, highlight.citation ? { citation: highlight.citation } : { chunk: highlight.chunk })}
							fallback={highlight.citation ? url(p.number, { chunk: highlight.chunk }) : undefined}
							label={t('trust.pageAlt', { n: p.number, of: pages.length })}
							onGone={onGone}
						/>
					</div>
				))}
			</div>
		</div>
	);
}
