// The rendered blocks of finished answers, for as long as their runs are on the page.
import type { Run } from '../base/types';
import type { Live } from './live';
import { Rendered, type Block } from './markdown';

const rendered = new WeakMap<Run, Block[]>();
export function blocksOf(run: Run): Block[] {
	let blocks = rendered.get(run);
	if (!blocks) {
		rendered.set(run, (blocks = new Rendered().update(run.answer, true)));
	}
	return blocks;
}

/** What an answer has become is on the page already: it is not made again. */
export function keepBlocks(run: Run, live: Live): void {
	if (run.answer === live.text && live.ended) {
		rendered.set(run, live.blocks());
	}
}
