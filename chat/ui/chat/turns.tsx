// The column of turns. Only those near the visible part have a body; of the others their heights are remembered.
import { useSignal } from '@preact/signals';
import { createContext, type ComponentChildren } from 'preact';
import { useContext, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { freshKey } from '../base/api';
import { t } from '../base/i18n';
import { Button, IconButton, toastError } from '../base/ui';
import type { Turn } from '../base/types';
import { Announcer } from './announcer';
import { Answer, Versions } from './answer';
import { copyText } from './copy';
import { memo } from './memo';
import type { Talk } from './talk';
import { isEnter, useGrowing } from './typing';

const MARGIN = 1200; // px beyond the visible part that are rendered
const UNKNOWN = 260; // px of a turn that was not rendered yet
const EDGE = 80; // px from the end that count as being at the end

class Sight {
	private readonly told = new Map<Element, (near: boolean, height: number) => void>();
	private readonly observer: IntersectionObserver;

	constructor(root: Element) {
		this.observer = new IntersectionObserver((entries) => {
			entries.forEach((e) => this.told.get(e.target)?.(e.isIntersecting, e.boundingClientRect.height));
		}, { root, rootMargin: `${MARGIN}px 0px` });
	}

	watch(element: Element, tell: (near: boolean, height: number) => void): () => void {
		this.told.set(element, tell);
		this.observer.observe(element);
		return () => (this.told.delete(element), this.observer.unobserve(element));
	}

	close(): void {
		this.observer.disconnect();
	}
}
const SightContext = createContext<Sight | null>(null);

function Edit({ talk, turn, onClose }: { talk: Talk; turn: Turn; onClose: () => void }) {
	const [text, setText] = useState(turn.input);
	const ref = useGrowing(text);
	const send = () => {
		if (text.trim()) {
			onClose();
			void talk.ask({ input: text.trim(), parent: turn.parentSeq ?? 0, key: freshKey(), collections: [] });
		}
	};
	useEffect(() => {
		ref.current!.focus();
		ref.current!.setSelectionRange(text.length, text.length);
	}, []);
	return (
		<div class="question-edit">
			<textarea
				ref={ref}
				aria-label={t('chat.edit')}
				value={text}
				maxLength={8000}
				onInput={(e) => setText(e.currentTarget.value)}
				onKeyDown={(e) => {
					if (isEnter(e)) {
						e.preventDefault();
						send();
					} else if (e.key === 'Escape') {
						e.stopPropagation();
						onClose();
					}
				}}
			/>
			<div class="row end">
				<Button onClick={onClose}>{t('cancel')}</Button>
				<Button kind="primary" disabled={!text.trim()} onClick={send}>{t('chat.send')}</Button>
			</div>
		</div>
	);
}

function Question({ talk, turn, at, of }: { talk: Talk; turn: Turn; at: number; of: number }) {
	const [editing, setEditing] = useState(false);
	if (editing) {
		return <Edit talk={talk} turn={turn} onClose={() => setEditing(false)} />;
	}
	return (
		<div class="question">
			<h2 dir="auto">{turn.input}</h2>
			<div class="question-foot">
				<Versions at={at} of={of} label={t('chat.branches')} onMove={(to) => talk.showBranch(talk.siblings.value.get(turn.parentSeq ?? 0)![to]!)} />
				<IconButton icon="edit" label={t('chat.edit')} onClick={() => setEditing(true)} />
				<IconButton icon="copy" label={t('chat.copyQuestion')} onClick={() => copyText(turn.input).catch(toastError)} />
			</div>
		</div>
	);
}

interface RowProps { talk: Talk; turn: Turn; running: boolean; last: boolean; at: number; of: number }

const Row = memo(({ talk, turn, running, last, at, of }: RowProps) => {
	const ref = useRef<HTMLElement>(null);
	const sight = useContext(SightContext);
	const [near, setNear] = useState(last || running);
	useEffect(() => sight?.watch(ref.current!, (is, height) => {
		if (!is) {
			talk.heights.set(turn.seq, height);
		}
		setNear(is);
	}), [sight]);
	const live = running ? talk.live.peek().get(turn.seq) : undefined;
	const shown = near || running;
	return (
		<article class="turn" ref={ref} data-seq={turn.seq} aria-label={t('chat.turn', { n: turn.seq })} style={{ height: shown ? undefined : `${talk.heights.get(turn.seq) ?? UNKNOWN}px` }}>
			{shown && <Question talk={talk} turn={turn} at={at} of={of} />}
			{shown && <Answer talk={talk} turn={turn} live={live} last={last} />}
		</article>
	);
});

function PendingRow({ talk }: { talk: Talk }) {
	const pending = talk.pending.value;
	if (!pending) {
		return null;
	}
	return (
		<article class="turn">
			<div class="question"><h2 dir="auto">{pending.input}</h2></div>
			<div class="answer" role="status">
				{pending.state === 'sending' && <p class="waiting">{t('chat.sending')}</p>}
				{pending.state === 'waiting' && <p class="why">{t('chat.waiting')}</p>}
				{pending.state === 'failed' && (
					<div class="why bad">
						<span>{pending.error}</span>
						<Button icon="refresh" onClick={() => void talk.ask(pending)}>{t('retry')}</Button>
						<Button icon="edit" onClick={() => (talk.text.value = [pending.input, talk.text.value].filter(Boolean).join('\n\n'), talk.pending.value = null)}>{t('chat.edit')}</Button>
					</div>
				)}
			</div>
		</article>
	);
}

/** Keeps what is looked at where it is, whatever grows or comes above it; at the end it stays at the end. */
function useSteady(talk: Talk) {
	const box = useRef<HTMLDivElement>(null);
	const column = useRef<HTMLDivElement>(null);
	const atEnd = useSignal(true);
	const steady = useRef(() => {});
	useLayoutEffect(() => {
		const outer = box.current!;
		let anchor: Element | null = null, offset = 0, noted = 0;
		const offsetOf = (x: Element) => x.getBoundingClientRect().top - outer.getBoundingClientRect().top;
		// What is above has grown or shrunk since the anchor was noted: the anchor goes back, less what was scrolled by hand.
		const settle = () => {
			if (anchor?.isConnected) {
				outer.scrollTop += offsetOf(anchor) - offset + (outer.scrollTop - noted);
			}
		};
		const note = () => {
			atEnd.value = outer.scrollHeight - outer.scrollTop - outer.clientHeight < EDGE;
			if (!atEnd.value) {
				settle();
			}
			const top = outer.getBoundingClientRect().top;
			const rows = column.current!.children;
			let low = 0, high = rows.length - 1; // the first row that ends below the upper edge
			while (low < high) {
				const middle = (low + high) >> 1;
				if (rows[middle]!.getBoundingClientRect().bottom > top) {
					high = middle;
				} else {
					low = middle + 1;
				}
			}
			anchor = rows[low] ?? null;
			offset = anchor ? offsetOf(anchor) : 0;
			noted = outer.scrollTop;
		};
		steady.current = () => {
			if (atEnd.value) {
				outer.scrollTop = outer.scrollHeight;
			} else {
				note();
			}
		};
		const observer = new ResizeObserver(() => steady.current());
		outer.addEventListener('scroll', note, { passive: true });
		observer.observe(column.current!);
		observer.observe(outer);
		outer.scrollTop = outer.scrollHeight;
		return () => (observer.disconnect(), outer.removeEventListener('scroll', note));
	}, [talk]);
	const toEnd = () => {
		atEnd.value = true;
		box.current!.scrollTop = box.current!.scrollHeight;
	};
	return { box, column, atEnd, toEnd, steady };
}

function Earlier({ talk, root }: { talk: Talk; root: { current: Element | null } }) {
	const ref = useRef<HTMLDivElement>(null);
	const before = talk.before.value;
	useEffect(() => {
		const observer = new IntersectionObserver(([e]) => e!.isIntersecting && void talk.loadEarlier(), { root: root.current, rootMargin: '1500px 0px' });
		observer.observe(ref.current!);
		return () => observer.disconnect();
	}, [before]);
	return <div ref={ref} class="earlier" aria-hidden="true" />;
}

export function Turns({ talk, children }: { talk: Talk; children?: ComponentChildren }) {
	const { box, column, atEnd, toEnd, steady } = useSteady(talk);
	const [sight, setSight] = useState<Sight | null>(null);
	useEffect(() => {
		const made = new Sight(box.current!);
		setSight(made);
		return () => made.close();
	}, [talk]);
	const path = talk.path.value;
	const asked = talk.pending.value?.key;
	const end = path.at(-1)?.seq;
	useLayoutEffect(toEnd, [asked, end]);
	const siblings = talk.siblings.value;
	const live = talk.live.value;
	const rows = useMemo(() => path.map((turn, i) => {
		const all = siblings.get(turn.parentSeq ?? 0) ?? [];
		return <Row key={turn.seq} talk={talk} turn={turn} running={live.has(turn.seq)} last={i === path.length - 1} at={all.indexOf(turn.seq)} of={all.length} />;
	}), [path, siblings, live]);
	useLayoutEffect(() => steady.current(), [rows]);
	return (
		<div class="talk-scroll" ref={box} tabIndex={-1}>
			<SightContext.Provider value={sight}>
				<div class="talk-column" ref={column}>
					<Earlier talk={talk} root={box} />
					{rows}
					<PendingRow talk={talk} />
					{children}
				</div>
			</SightContext.Provider>
			{!atEnd.value && <IconButton class="to-newest" icon="chevronDown" label={t('chat.newest')} onClick={toEnd} />}
			<Announcer live={talk.running.value} />
		</div>
	);
}
