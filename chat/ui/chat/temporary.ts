// The temporary chat: questions and answers are in this page's memory and nowhere else; a refresh starts fresh.
import { sentence } from '../base/api';
import { t } from '../base/i18n';
import { post } from '../base/sse';
import type { Run, Turn } from '../base/types';
import { Live, newRun } from './live';
import { Talk, untilThere, type Question } from './talk';

const MESSAGES_MAX = 40;

export class TemporaryTalk extends Talk {
	readonly temporary = true;
	private runs = new Map<string, { run: Run; collections: string[] }>();
	private stops = new Map<Live, AbortController>();

	private messages(turn: Turn): { role: string; content: string }[] {
		const earlier = [];
		for (let t = this.turns.value.get(turn.parentSeq ?? 0); t; t = this.turns.value.get(t.parentSeq ?? 0)) {
			earlier.unshift({ role: 'user', content: t.input }, ...(t.run.answer ? [{ role: 'assistant', content: t.run.answer }] : []));
		}
		return [...earlier.slice(-MESSAGES_MAX), { role: 'user', content: turn.input }];
	}

	private answer(turn: Omit<Turn, 'run'>, collections: string[]): void {
		const run = newRun(`temporary-${this.runs.size + 1}`, '', turn.seq, '');
		const live = new Live(run);
		const { id, state, mode, createdMs } = run;
		const now: Turn = { ...turn, run, runs: [...(turn.runs ?? []), { id, state, mode, createdMs }] };
		this.runs.set(id, { run, collections });
		this.keep([now]);
		this.setLive(turn.seq, live);
		void this.listen(now, live, collections);
	}

	private async listen(turn: Turn, live: Live, collections: string[]): Promise<void> {
		const stop = new AbortController();
		this.stop.signal.addEventListener('abort', () => stop.abort());
		this.stops.set(live, stop);
		const body = { messages: this.messages(turn), ...(collections.length ? { collections } : {}) };
		let run: Run;
		try {
			await untilThere(stop.signal, () => (live.broken.value = true), async () => {
				if (live.text || live.ended) {
					return; // it broke off after words had come: those stay
				}
				await post('/v1/chat', body, stop.signal, (event) => {
					live.broken.value = false;
					live.take(event);
				});
			});
			run = live.ended ? live.current : { ...live.current, state: live.text ? 'partial' : 'failed', reason: 'stream', message: t('chat.brokeOff') };
		} catch (error) {
			const stopped = stop.signal.aborted;
			run = { ...live.current, state: stopped ? 'cancelled' : live.text ? 'partial' : 'failed', reason: stopped ? null : 'stream', message: stopped ? null : sentence(error) };
		}
		this.stops.delete(live);
		this.runs.set(run.id, { run, collections });
		this.finish(live, run);
	}

	async ask(question: Question): Promise<boolean> {
		const seq = this.turns.value.size + 1;
		this.answer({ seq, parentSeq: question.parent || null, input: question.input, createdMs: Date.now() }, question.collections);
		this.leaf.value = seq;
		return true;
	}

	async cancel(live: Live): Promise<void> {
		this.stops.get(live)?.abort();
	}

	async regenerate(turn: Turn): Promise<void> {
		this.answer(turn, this.runs.get(turn.run.id)?.collections ?? []);
	}

	async showRun(turn: Turn, runId: string): Promise<void> {
		this.keep([{ ...turn, run: this.runs.get(runId)!.run }]);
	}

	async loadEarlier(): Promise<void> {}

	ensure(): Promise<string> {
		throw new Error('the temporary chat has no id');
	}
}

