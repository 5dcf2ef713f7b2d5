// Citations in an answer: a card with what is quoted while one points at a chip, the source panel on a click.
import { signal } from '@preact/signals';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ApiError, get } from '../base/api';
import { t } from '../base/i18n';
import { Icon } from '../base/icons';
import { openSource } from '../base/source';
import type { Citation, Run } from '../base/types';
import { whereText } from '../base/where';
import { citationOf } from '../chat/markers';
import { headingPath } from './where';

const CARD = 'cite-card';
const SHOW_MS = 140, HIDE_MS = 180; // a pointer that only passes by shows nothing; one that goes to the card keeps it

interface Shown { box: HTMLElement; ordinal: number; citation: Citation | undefined }
const shown = signal<Shown | null>(null);
let timer = 0;

const chipOf = (box: HTMLElement, ordinal: number) => box.querySelector<HTMLElement>(`.cite[data-ordinal="${ordinal}"]`);

function put(next: Shown | null): void {
	const before = shown.value;
	if (before) {
		chipOf(before.box, before.ordinal)?.removeAttribute('aria-describedby');
	}
	if (next) {
		chipOf(next.box, next.ordinal)?.setAttribute('aria-describedby', CARD);
	}
	shown.value = next;
}

/** Without a delay at once: a key may come before a timer, and Escape is the card's only while it is there. */
function show(next: Shown | null, delay = 0): void {
	clearTimeout(timer);
	if (delay) {
		timer = window.setTimeout(put, delay, next);
	} else {
		put(next);
	}
}

const isRunning = (run: Run) => run.state === 'queued' || run.state === 'streaming';

/** Opens the panel at a citation of an answer; false: there is nothing to open. */
export function openCitation(runId: string, citations: Citation[], ordinal: number, stored: boolean): boolean {
	const c = citations.find((x) => x.ordinal === ordinal);
	const known = Boolean(c?.documentId && !c.gone);
	if (c?.documentId && known) {
		openSource({
			documentId: c.documentId,
			name: c.name ?? '',
			page: c.page,
			place: c.place,
			unit: c.unit,
			chunkId: c.chunkId,
			// What an answer cites is stored with its last word; until then the passage is shown.
			citation: stored ? `${runId}:${ordinal}` : undefined,
			quote: c.quote,
			heading: c.heading,
			boxes: c.boxes,
			answer: { citations, ordinal, stored, runId },
		});
	}
	return known;
}

/** Event handlers for the element whose HTML holds <button class="cite" data-ordinal="k">. */
export function citeTarget(run: Run) {
	const at = (event: Event): Shown | null => {
		const chip = (event.target as Element).closest<HTMLElement>('.cite[data-ordinal]');
		const [ordinal, handle] = [Number(chip?.dataset.ordinal), Number(chip?.dataset.handle)];
		return chip && { box: event.currentTarget as HTMLElement, ordinal, citation: citationOf(run.citations, ordinal, handle) };
	};
	return {
		onPointerOver: (event: PointerEvent) => {
			const next = event.pointerType === 'mouse' ? at(event) : null;
			if (next) {
				show(next, shown.value ? 0 : SHOW_MS);
			}
		},
		onPointerOut: (event: PointerEvent) => {
			if (at(event)) {
				show(null, HIDE_MS);
			}
		},
		onFocusIn: (event: FocusEvent) => {
			const fromPanel = (event.relatedTarget as Element | null)?.closest('.source'); // what it cites has just been read
			const next = !fromPanel && (event.target as Element).matches(':focus-visible') ? at(event) : null;
			if (next) {
				show(next);
			}
		},
		onFocusOut: (event: FocusEvent) => {
			if (at(event)) {
				show(null);
			}
		},
		onClick: (event: MouseEvent) => {
			const chosen = at(event);
			if (!chosen) {
				return;
			}
			event.preventDefault();
			chipOf(chosen.box, chosen.ordinal)?.focus(); // not every browser does that by itself
			const opened = openCitation(run.id, run.citations, chosen.citation?.ordinal ?? 0, /^run_/.test(run.id) && !isRunning(run));
			show(opened ? null : chosen);
		},
	};
}

/** A citation's heading, and whether its document may no longer be read. */
function useFresh(citation: Citation | undefined): { heading: string; gone: boolean } {
	const [state, setState] = useState<{ id?: string; heading: string; gone: boolean }>({ heading: '', gone: false });
	const id = citation?.gone ? undefined : citation?.chunkId;
	useLayoutEffect(() => {
		if (!id) {
			return;
		}
		const stop = new AbortController();
		get<{ heading?: string }>(`/v1/chunks/${id}`, { signal: stop.signal }).then(
			(chunk) => setState({ id, heading: chunk.heading ?? '', gone: false }),
			(error) => error instanceof ApiError && error.status === 404 && setState({ id, heading: '', gone: true }),
		);
		return () => stop.abort();
	}, [id]);
	return state.id === id && id ? state : { heading: citation?.heading ?? '', gone: citation?.gone ?? false };
}

export function SupportNote({ support }: { support?: string }) {
	return support ? (
		<p class={`support ${support}`}>
			<Icon name={support === 'verified' ? 'check' : support === 'partial' ? 'info' : 'warning'} size={16} />
			{t(`trust.support.${support}`)}
		</p>
	) : null;
}

/** Below its chip, or above where there is no room; inside the window. */
function place(card: HTMLElement, chip: DOMRect): void {
	const gap = 8, { offsetWidth: w, offsetHeight: h } = card;
	const below = chip.bottom + gap + h <= innerHeight - gap || chip.top < innerHeight - chip.bottom;
	const left = Math.min(Math.max(gap, chip.left + chip.width / 2 - w / 2), innerWidth - w - gap);
	const top = below ? Math.min(chip.bottom + gap, innerHeight - h - gap) : Math.max(gap, chip.top - gap - h);
	card.style.left = `${Math.max(gap, left)}px`;
	card.style.top = `${Math.max(gap, top)}px`;
}

/** The one card of the page. */
export function CiteCard() {
	const ref = useRef<HTMLDivElement>(null);
	const now = shown.value;
	const citation = now?.citation;
	const { heading, gone } = useFresh(citation);
	const where = citation ? whereText(citation) : '';
	useLayoutEffect(() => {
		const chip = now && chipOf(now.box, now.ordinal);
		if (chip && ref.current) {
			place(ref.current, chip.getBoundingClientRect());
		}
	});
	useLayoutEffect(() => {
		if (!now) {
			return;
		}
		const away = (event: Event) => {
			if (!(event.target as Element).closest?.(`.cite, #${CARD}`)) {
				show(null, HIDE_MS); // the chip may have been drawn anew under the pointer, which tells nobody
			}
		};
		const escape = (event: KeyboardEvent) => {
			if (event.key === 'Escape' && shown.value) {
				event.preventDefault();
				show(null);
			}
		};
		const scrolled = (event: Event) => !ref.current?.contains(event.target as Node) && show(null);
		addEventListener('pointerover', away);
		addEventListener('scroll', scrolled, true);
		addEventListener('keydown', escape, true);
		return () => {
			removeEventListener('pointerover', away);
			removeEventListener('scroll', scrolled, true);
			removeEventListener('keydown', escape, true);
		};
	}, [now]);
	if (!now) {
		return null;
	}
	return (
		<div id={CARD} class="cite-card" role="tooltip" ref={ref} onPointerOver={() => show(now)} onPointerLeave={() => show(null, HIDE_MS)}>
			{gone || !citation ? (
				<p class="muted">{t(citation ? 'trust.gone' : 'trust.coming')}</p>
			) : (
				<>
					<p class="named">
						<Icon name="file" size={16} />
						<strong class="clip" dir="auto">{citation.name}</strong>
						{where && <span class="muted at" dir="auto">{where}</span>}
					</p>
					{heading && <p class="heading muted" dir="auto">{headingPath(heading)}</p>}
					{citation.quote && <blockquote dir="auto">{citation.quote}</blockquote>}
					<SupportNote support={citation.support} />
				</>
			)}
		</div>
	);
}
