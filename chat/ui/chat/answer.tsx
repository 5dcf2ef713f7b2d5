// One answer: its blocks, chips and code, the marks of what could not be verified, and what can be done with it.
import type { VNode } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { t } from '../base/i18n';
import { Button, IconButton, toast, toastError } from '../base/ui';
import type { Run, Turn } from '../base/types';
import { citeTarget } from '../trust/citations';
import { Nearest, Searched } from '../trust/searched';
import { copyText, withReferences } from './copy';
import type { Live } from './live';
import { Rendered, type Block } from './markdown';
import { markSupport } from './support';
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
	const { onClick, ...target } = citeTarget(run);
	return (
		<div class="md" ref={ref} dir="auto" onClick={(e) => (onCopyCode(e), onClick(e))} {...target}>
			{blocks.map(nodeOf)}
		</div>
	);
}

const rendered = new WeakMap<Run, Block[]>();
function blocksOf(run: Run): Block[] {
	let blocks = rendered.get(run);
	if (!blocks) {
		rendered.set(run, (blocks = new Rendered().update(run.answer, true)));
	}
	return blocks;
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

export function Finished({ talk, turn, last }: { talk: Talk; turn: Turn; last: boolean }) {
	const { run } = turn;
	const blocks = useMemo(() => blocksOf(run), [run]);
	const [busy, setBusy] = useState(false);
	const runs = turn.runs ?? [];
	const act = (work: () => Promise<void>) => {
		setBusy(true);
		work().catch(toastError).finally(() => setBusy(false));
	};
	const reason = why(run);
	const again = () => act(() => talk.regenerate(turn));
	return (
		<div class={`answer ${run.mode ?? ''} ${run.state}`}>
			<Label run={run} />
			{!run.withheld && run.answer && <Text run={run} blocks={blocks} />}
			{reason && (
				<div class={run.state === 'failed' || run.state === 'partial' ? 'why bad' : 'why'}>
					<span>{reason}</span>
					{(run.state === 'failed' || run.state === 'partial' || run.withheld) && <Button icon="refresh" disabled={busy} onClick={again}>{t('retry')}</Button>}
				</div>
			)}
			{run.mode === 'refused' && <Nearest runId={run.id} live={talk.retrievalOf(run.id)} />}
			<div class={last ? 'answer-foot' : 'answer-foot quiet'}>
				{!run.withheld && run.answer && <IconButton icon="copy" label={t('chat.copy')} onClick={() => copyText(withReferences(run)).then(() => toast(t('chat.copied'), { ms: 2000 }), toastError)} />}
				<IconButton icon="refresh" label={t('chat.again')} disabled={busy} onClick={again} />
				<Versions at={runs.findIndex((r) => r.id === run.id)} of={runs.length} label={t('chat.answers')} onMove={(to) => act(() => talk.showRun(turn, runs[to]!.id))} />
				<Searched runId={run.id} live={talk.retrievalOf(run.id)} />
			</div>
		</div>
	);
}

/** An answer that is being written: the only part of the page that a token renders anew. */
export function Running({ live }: { live: Live }) {
	live.frame.value;
	const run = live.current;
	const blocks = live.blocks();
	const found = live.retrieval;
	return (
		<div class={`answer running ${run.mode ?? ''}`} aria-busy="true">
			{blocks.length > 0 && <Text run={run} blocks={blocks} />}
			{blocks.length === 0 && <p class="waiting">{t(found ? 'chat.writing' : 'chat.searching')}</p>}
			{live.broken.value && <p class="why">{t('chat.broken')}</p>}
		</div>
	);
}

