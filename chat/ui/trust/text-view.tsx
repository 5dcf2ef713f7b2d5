// The text that was read out of a document, with the passage marked; a long one comes in pieces as one scrolls.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ApiError, get, query, sentence } from '../base/api';
import { t } from '../base/i18n';
import type { DocumentText, Unit } from '../base/types';
import { ErrorNote } from '../base/ui';
import { capital, whereText } from '../base/where';
import { byteLength, cutAtBytes, findQuote } from './bytes';

const PIECE = 48 * 1024; // bytes asked for at once
const NEAR = 1200; // CSS pixels from the end of what is there

interface Piece { start: number; end: number; text: string }
interface Span { start: number; end: number }

export interface TextViewProps { first: DocumentText; quote?: string | null; aim: unknown; onPage: (page: number) => void; onGone: () => void }

/** The passage, and the quotation within it as far as it is found there. */
function spansOf(pieces: Piece[], first: DocumentText, quote: string | null | undefined): { passage: Span | null; quoted: Span | null } {
	const h = first.highlight;
	const holder = h && pieces.find((p) => p.start <= h.byteStart && p.end >= h.byteEnd);
	const passage = h && { start: h.byteStart, end: h.byteEnd };
	if (!h || !holder || !quote) {
		return { passage, quoted: null };
	}
	const found = findQuote(cutAtBytes(holder.text, holder.start, [h.byteStart, h.byteEnd])[1]!, quote);
	return { passage, quoted: found && { start: h.byteStart + found.start, end: h.byteStart + found.end } };
}

interface Marks { passage: Span | null; quoted: Span | null; pages: DocumentText['pages']; unit: Unit | null }

function PieceText({ piece, marks }: { piece: Piece; marks: Marks }) {
	const { passage, quoted, pages, unit } = marks;
	const edges = [passage?.start, passage?.end, quoted?.start, quoted?.end, ...pages.map((p) => p.byteStart)];
	const cuts = [...new Set(edges.filter((b): b is number => b !== undefined && b > piece.start && b < piece.end))].sort((a, b) => a - b);
	const starts = [piece.start, ...cuts];
	const inside = (at: number, span: Span | null) => span !== null && at >= span.start && at < span.end;
	return (
		<>
			{cutAtBytes(piece.text, piece.start, cuts).map((text, i) => {
				const at = starts[i]!;
				const page = pages.find((p) => p.byteStart === at);
				const shown = inside(at, quoted) || (!quoted && inside(at, passage)) ? <mark key={at}>{text}</mark> : inside(at, passage) ? <span key={at} class="around">{text}</span> : text;
				return page ? [<span key={`p${page.number}`} class="page-break" data-page={page.number}>{capital(whereText({ page: page.number, place: page.label ?? '', unit: unit ?? 'page' }))}</span>, shown] : shown;
			})}
		</>
	);
}

function useText(first: DocumentText, onGone: () => void) {
	const [pieces, setPieces] = useState<Piece[]>([]);
	const [error, setError] = useState('');
	const busy = useRef(false);
	useLayoutEffect(() => {
		busy.current = false;
		setPieces([{ start: first.byteStart, end: first.byteStart + byteLength(first.text), text: first.text }]);
	}, [first]);
	const more = async (from: number, limit: number, take: (got: DocumentText) => void) => {
		if (busy.current) {
			return;
		}
		busy.current = true;
		try {
			take(await get<DocumentText>(`/v1/documents/${first.documentId}/text${query({ version: first.versionId, from, limit })}`));
			setError('');
		} catch (e) {
			if (e instanceof ApiError && e.status === 404) {
				onGone();
			}
			setError(sentence(e));
		} finally {
			busy.current = false;
		}
	};
	const after = () => {
		const end = pieces.at(-1)?.end ?? 0;
		if (pieces.length && end < first.bytes) {
			void more(end, PIECE, (got) => setPieces((all) => [...all, { start: got.byteStart, end: got.byteStart + byteLength(got.text), text: got.text }]));
		}
	};
	const before = () => {
		const start = pieces[0]?.start ?? 0;
		if (start > 0) {
			const from = Math.max(0, start - PIECE);
			// 8 more: the server begins and ends at whole characters, which may be before those asked for.
			void more(from, start - from + 8, (got) => setPieces((all) => [{ start: got.byteStart, end: start, text: cutAtBytes(got.text, got.byteStart, [start])[0]! }, ...all]));
		}
	};
	return { pieces, error, before, after };
}

export function TextView({ first, quote, aim, onPage, onGone }: TextViewProps) {
	const ref = useRef<HTMLDivElement>(null);
	const { pieces, error, before, after } = useText(first, onGone);
	const { passage, quoted } = spansOf(pieces, first, quote);
	const pages = first.paged ? first.pages : [];
	const kept = useRef({ start: -1, height: 0 });
	const start = pieces[0]?.start ?? -1;
	useLayoutEffect(() => {
		const box = ref.current!;
		if (kept.current.start > start && start >= 0) {
			box.scrollTop += box.scrollHeight - kept.current.height; // what was read stays where it is
		}
		kept.current = { start, height: box.scrollHeight };
	}, [start, pieces.length]);
	const aimed = useRef<unknown>(undefined);
	useLayoutEffect(() => {
		if (aimed.current !== aim && pieces.length) {
			aimed.current = aim;
			const box = ref.current!, mark = box.querySelector('mark, .around');
			const at = mark?.getBoundingClientRect();
			box.scrollTop = at ? at.top - box.getBoundingClientRect().top + box.scrollTop - Math.max(40, (box.clientHeight - at.height) / 2) : 0;
		}
	});
	useEffect(look, [pieces.length]);
	function look() {
		const box = ref.current;
		if (!box) {
			return; // a scroll is told with the next frame, and the panel may be closed by then
		}
		if (box.scrollTop < NEAR) {
			before();
		}
		if (box.scrollHeight - box.scrollTop - box.clientHeight < NEAR) {
			after();
		}
		const middle = box.getBoundingClientRect().top + box.clientHeight / 2;
		const passed = [...box.querySelectorAll<HTMLElement>('.page-break')].filter((p) => p.getBoundingClientRect().top < middle);
		if (pages.length) {
			onPage(Number(passed.at(-1)?.dataset.page ?? pages.findLast((p) => p.byteStart <= Math.max(0, start))?.number ?? 1));
		}
	}
	return (
		<div class={first.unit === 'sheet' ? 'text-view cells' : 'text-view'} ref={ref} tabIndex={0} role="group" aria-label={t('trust.textLabel')} onScroll={look}>
			<div class="measure" lang={first.language ?? undefined}>
				{pieces.map((piece) => <PieceText key={piece.start} piece={piece} marks={{ passage, quoted, pages, unit: first.unit ?? null }} />)}
				<ErrorNote text={error} />
			</div>
		</div>
	);
}
