// One answer: its blocks, chips and code, the marks of what could not be verified, and what can be done with it.
import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../base/i18n';
import { Button, ErrorNote, IconButton, toast, toastError, useAttempt } from '../base/ui';
import type { Run, Turn } from '../base/types';
import { citeTarget } from '../trust/citations';
import { Nearest, Searched } from '../trust/searched';
import { blocksOf } from './blocks';
import { copyText, withReferences } from './copy';
import type { Live } from './live';
import type { Block } from './markdown';
import { markSupport, unmarkSupport } from './support';
import type { Talk } from './talk';

/** A block is made once: the same node again is not looked at by Preact. */
const nodes = new WeakMap<Block, VNode>();
function nodeOf(block: Block): VNode {
	let node = nodes.get(block);
	if (!node) {
		node = <div class="block" dangerouslySetInnerHTML={{ __html: block.html }} />;
		nodes.set(block, node);
	}
	return node;
}

function onCopyCode(event: MouseEvent) {
	const button = (event.target as Element).closest('.copy-code');
	const code = button?.closest('.code')?.querySelector('code')?.textContent;
	if (button && code !== undefined && code !== null) {
		copyText(code).then(() => toast(t('chat.copied'), { ms: 2000 }), toastError);
	}
}

function Text({ run, blocks }: { run: Run; blocks: Block[] }) {
	const ref = useRef<HTMLDivElement>(null);
	useEffect(() => markSupport(ref.current!, run.answer, run.citations), [run.citations, blocks.at(-1)]);
	useEffect(() => {
		const box = ref.current!;
		return () => unmarkSupport(box);
	}, []);
	const { onClick, ...target } = citeTarget(run);
	return (
		<div class="md" ref={ref} dir="auto" onClick={(e) => (onCopyCode(e), onClick(e))} {...target}>
			{blocks.map(nodeOf)}
		</div>
	);
}

/** Why it is not the whole answer of a model, in a sentence; '' when it is. */
function why(run: Run): string {
	if (run.withheld) {
		return t('chat.withheld');
	}
	const known = run.reason ? t(`chat.why.${run.reason}`) : '';
	const said = known && !known.startsWith('chat.why.') ? known : run.message ?? '';
	switch (run.state) {
	case 'failed': return said || t('chat.failed');
	case 'partial': return `${t('chat.partial')} ${said}`;
	case 'cancelled': return t('chat.cancelled');
	default: return '';
	}
}

function Label({ run }: { run: Run }) {
	const text = run.mode === 'extractive' && !run.withheld ? t('chat.extractive') : '';
	const reason = run.mode === 'extractive' && run.reason && run.reason !== 'model_not_set' ? t(`chat.why.${run.reason}`) : '';
	return text ? <p class="answer-label">{text}{reason && !reason.startsWith('chat.why.') && ` – ${reason}`}</p> : null;
}

/** "‹ 2/3 ›" */
export function Versions({ at, of, label, onMove }: { at: number; of: number; label: string; onMove: (to: number) => void }) {
	if (of < 2) {
		return null;
	}
	return (
		<span class="answer-versions" role="group" aria-label={label}>
			<IconButton icon="chevronLeft" label={t('chat.previous')} disabled={at <= 0} onClick={() => onMove(at - 1)} />
			<span>{at + 1}/{of}</span>
			<IconButton icon="chevronRight" label={t('chat.next')} disabled={at >= of - 1} onClick={() => onMove(at + 1)} />
		</span>
	);
}

function Foot({ talk, turn, last, offered }: { talk: Talk; turn: Turn; last: boolean; offered: boolean }) {
	const { run, runs = [] } = turn;
	const [busy, setBusy] = useState(false);
	const act = (work: () => Promise<void>) => {
		setBusy(true);
		work().catch(toastError).finally(() => setBusy(false));
	};
	return (
		<div class={last ? 'answer-foot' : 'answer-foot quiet'}>
			{!run.withheld && run.answer && <IconButton icon="copy" label={t('chat.copy')} onClick={() => copyText(withReferences(run)).then(() => toast(t('chat.copied'), { ms: 2000 }), toastError)} />}
			{!offered && <IconButton icon="refresh" label={t('chat.again')} disabled={busy} onClick={() => act(() => talk.regenerate(turn))} />}
			<Versions at={runs.findIndex((r) => r.id === run.id)} of={runs.length} label={t('chat.answers')} onMove={(to) => act(() => talk.showRun(turn, runs[to]!.id))} />
			<Searched runId={run.id} live={talk.retrievalOf(run.id)} />
		</div>
	);
}

function Why({ talk, turn }: { talk: Talk; turn: Turn }) {
	const { busy, error, attempt } = useAttempt();
	const bad = turn.run.state === 'failed' || turn.run.state === 'partial';
	return (
		<div class={bad ? 'why bad' : 'why'}>
			<span>{why(turn.run)}</span>
			{offersRetry(turn.run) && <Button icon="refresh" disabled={busy} onClick={() => attempt(() => talk.regenerate(turn))}>{t('retry')}</Button>}
			<ErrorNote text={error} />
		</div>
	);
}

const offersRetry = (run: Run) => run.state === 'failed' || run.state === 'partial' || run.withheld === true;

/** While it is written (`live`) it is the only part of the page that a token renders anew. */
export function Answer({ talk, turn, live, last }: { talk: Talk; turn: Turn; live?: Live; last: boolean }) {
	live?.frame.value;
	const run = live?.current ?? turn.run;
	const blocks = live ? live.blocks() : run.withheld ? [] : blocksOf(run);
	return (
		<div class={`answer ${run.mode ?? ''} ${live ? 'running' : run.state}`} aria-busy={live !== undefined}>
			<Label run={run} />
			{blocks.length > 0 && <Text run={run} blocks={blocks} />}
			{live && blocks.length === 0 && <p class="waiting">{t(live.retrieval ? 'chat.writing' : 'chat.searching')}</p>}
			{live?.broken.value && <p class="why">{t('chat.broken')}</p>}
			{!live && why(run) && <Why talk={talk} turn={turn} />}
			{!live && run.mode === 'refused' && <Nearest runId={run.id} live={talk.retrievalOf(run.id)} />}
			{!live && <Foot talk={talk} turn={turn} last={last} offered={offersRetry(run)} />}
		</div>
	);
}
