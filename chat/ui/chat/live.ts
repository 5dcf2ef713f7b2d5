// One answer while it is written: takes its events as they come, and tells the page at most once a frame.
import { signal } from '@preact/signals';
import type { SseEvent } from '../base/sse';
import type { Citation, Retrieval, Run } from '../base/types';
import { Rendered } from './markdown';

const LAST = ['assistant.completed', 'run.failed', 'run.cancelled'];
export const isLast = (event: SseEvent): boolean => LAST.includes(event.type);

export class Live {
	/** Counts the frames in which something was new. */
	readonly frame = signal(0);
	/** The stream broke off and is tried again. */
	readonly broken = signal(false);
	readonly rendered = new Rendered();
	text = '';
	citations: Citation[] = [];
	retrieval: Retrieval | null = null;
	/** The number of the last event. */
	seen = 0;
	ended: SseEvent | null = null;
	private asked = false;
	private cost = 0; // of the last frame's work, in ms

	constructor(readonly run: Run) {}

	take(event: SseEvent): void {
		this.seen = event.id || this.seen;
		if (event.type === 'assistant.delta') {
			this.text += event.data.text;
		} else if (event.type === 'citation') {
			this.citations = [...this.citations, event.data];
		} else if (event.type === 'retrieval.completed') {
			this.retrieval = event.data;
		} else if (isLast(event)) {
			this.ended = event;
		}
		this.tell();
	}

	/** At the next frame; later where a frame's work takes long, so that there is time for anything else. */
	private tell(): void {
		if (this.asked) {
			return;
		}
		this.asked = true;
		const now = () => {
			this.asked = false;
			this.frame.value++;
		};
		if (document.hidden) {
			setTimeout(now, 200);
		} else if (this.cost > 12) {
			setTimeout(() => requestAnimationFrame(now), this.cost * 4);
		} else {
			requestAnimationFrame(now);
		}
	}

	blocks() {
		const start = performance.now();
		const blocks = this.rendered.update(this.text, this.ended !== null);
		this.cost = performance.now() - start;
		return blocks;
	}

	/** The run as far as it is known. */
	get current(): Run {
		const end = this.ended?.data;
		return {
			...this.run,
			state: end?.state ?? (this.text ? 'streaming' : this.run.state),
			mode: end?.mode ?? this.run.mode,
			answer: end?.withheld ? '' : end?.answer ?? this.text,
			withheld: end?.withheld ?? false,
			citations: this.citations,
			reason: end?.reason ?? end?.code ?? null,
			message: end?.message ?? null,
			usage: end?.usage ?? this.run.usage,
			finishedMs: end ? Date.now() : null,
		};
	}
}

/** A run that has begun, before anything is known of it. */
export const newRun = (id: string, conversationId: string, turnSeq: number, streamUrl: string): Run => ({
	id, conversationId, turnSeq, state: 'queued', mode: null, model: null, answer: '', citations: [], reason: null, message: null,
	createdMs: Date.now(), finishedMs: null, streamUrl,
});
