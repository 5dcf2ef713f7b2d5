// A conversation as the page holds it: turns of all branches as far as they were looked at, the branch that is shown, the
// question that is being sent, and the answers that are being written. temporary.ts is the one that nothing is kept of.
import { computed, signal, type ReadonlySignal } from '@preact/signals';
import { ApiError, call, get, online, post, put, sentence } from '../base/api';
import { t } from '../base/i18n';
import { session } from '../base/session';
import { follow } from '../base/sse';
import type { Conversation, Document, Retrieval, Run, Turn } from '../base/types';
import { keepBlocks } from './blocks';
import { known, touched } from './conversations';
import { isLast, Live, newRun } from './live';

const PAGE = 50;

export interface Question { input: string; parent: number; key: string; collections: string[] }
export interface Pending extends Question { state: 'sending' | 'waiting' | 'failed'; error: string }
export interface Accepted { runId: string; turnSeq: number; streamUrl: string }

let talks = 0;
interface TurnPage { turns: Turn[]; next: number | null }

/** Resolves as soon as the signal's value is as wanted; rejects when stopped. */
function when<T>(value: ReadonlySignal<T>, wanted: (now: T) => boolean, stop: AbortSignal): Promise<void> {
	return new Promise((done, fail) => {
		const off = value.subscribe((now) => wanted(now) && (queueMicrotask(() => off()), done()));
		stop.addEventListener('abort', () => (off(), fail(stop.reason)), { once: true });
	});
}

/** Works until it is not for want of a server or a sign-in that it fails. */
export async function untilThere<T>(stop: AbortSignal, waiting: () => void, work: () => Promise<T>): Promise<T> {
	for (;;) {
		try {
			return await work();
		} catch (error) {
			stop.throwIfAborted();
			if (!(error instanceof ApiError) || (error.status !== 0 && error.status !== 401)) {
				throw error;
			}
			waiting();
			await (error.status ? when(session, (s) => s === 'in', stop) : when(online, (there) => there, stop));
		}
	}
}

export abstract class Talk {
	readonly key = ++talks;
	readonly id = signal<string | null>(null);
	readonly title = signal('');
	readonly attachments = signal<Document[]>([]);
	readonly turns = signal<ReadonlyMap<number, Turn>>(new Map());
	/** The last turn of the branch that is shown; 0: there is none. */
	readonly leaf = signal(0);
	readonly live = signal<ReadonlyMap<number, Live>>(new Map());
	readonly pending = signal<Pending | null>(null);
	/** Where the page before begins (?beforeSeq=); null: everything is here. */
	readonly before = signal<number | null>(null);
	readonly loading = signal(false);
	readonly error = signal('');
	readonly collections = signal<string[]>([]); // to ask; none: all
	/** What stands in the composer. */
	readonly text = signal('');
	/** Heights of turns that are not rendered, by seq. */
	readonly heights = new Map<number, number>();
	abstract readonly temporary: boolean;
	private readonly retrievals = new Map<string, Retrieval>();
	protected readonly stop = new AbortController();

	readonly path = computed(() => {
		const all = this.turns.value, path: Turn[] = [];
		for (let turn = all.get(this.leaf.value); turn; turn = all.get(turn.parentSeq ?? 0)) {
			path.push(turn);
		}
		return path.reverse();
	});
	/** The turns that stand for each other, by the turn they follow. */
	readonly siblings = computed(() => {
		const by = new Map<number, number[]>();
		for (const turn of this.turns.value.values()) {
			const parent = turn.parentSeq ?? 0;
			by.set(parent, [...(by.get(parent) ?? []), turn.seq]);
		}
		return by;
	});
	/** The answer that is being written at the end of what is shown. */
	readonly running = computed(() => this.live.value.get(this.leaf.value) ?? null);

	/** What was found for an answer that was written while this page looked on. */
	retrievalOf(runId: string): Retrieval | null {
		return this.retrievals.get(runId) ?? null;
	}

	protected keep(turns: Turn[]): void {
		const next = new Map(this.turns.value);
		turns.forEach((turn) => next.set(turn.seq, turn));
		this.turns.value = next;
	}

	protected setLive(seq: number, live: Live | null): void {
		const next = new Map(this.live.value);
		if (live) {
			next.set(seq, live);
		} else {
			next.delete(seq);
		}
		this.live.value = next;
	}

	/** Puts what the run became in place of its turn's, unless another run is there by now. */
	protected finish(live: Live, run: Run): void {
		const turn = this.turns.value.get(live.run.turnSeq);
		keepBlocks(run, live);
		if (live.retrieval) {
			this.retrievals.set(run.id, live.retrieval);
		}
		if (turn?.run.id === run.id) {
			const runs = turn.runs?.map((r) => (r.id === run.id ? { ...r, state: run.state, mode: run.mode } : r));
			this.keep([{ ...turn, run, runs }]);
		}
		if (this.live.value.get(live.run.turnSeq) === live) {
			this.setLive(live.run.turnSeq, null);
		}
	}

	/** Shows the branch that the turn is in, to its newest end. */
	showBranch(seq: number): void {
		for (let next: number[] | undefined; (next = this.siblings.value.get(seq))?.length;) {
			seq = Math.max(...next);
		}
		this.leaf.value = seq;
	}

	close(): void {
		this.stop.abort();
	}

	/** False: it was not taken; `pending` says why, and keeps it. */
	abstract ask(question: Question): Promise<boolean>;
	abstract cancel(live: Live): Promise<void>;
	abstract regenerate(turn: Turn): Promise<void>;
	abstract showRun(turn: Turn, runId: string): Promise<void>;
	abstract loadEarlier(): Promise<void>;
	abstract ensure(): Promise<string>;
}

export class StoredTalk extends Talk {
	readonly temporary = false;
	private made: Promise<string> | null = null;

	constructor(id: string | null) {
		super();
		this.id.value = id;
		this.title.value = (id && known(id)?.title) || '';
	}

	/** Its id; a new conversation is made by the first that needs one. */
	ensure(): Promise<string> {
		if (this.id.value) {
			return Promise.resolve(this.id.value);
		}
		this.made ??= post<Conversation>('/v1/conversations', {}).then(
			(made) => {
				touched(made);
				return (this.id.value = made.id);
			},
			(error) => {
				this.made = null;
				throw error;
			},
		);
		return this.made;
	}

	private get url(): string {
		return `/v1/conversations/${this.id.value}`;
	}

	/** The newest page, and what it says of the conversation itself. */
	async load(): Promise<void> {
		this.loading.value = true;
		try {
			await untilThere(this.stop.signal, () => {}, async () => {
				const [what, page] = await Promise.all([
					get<Conversation>(this.url, { signal: this.stop.signal }),
					get<TurnPage>(`${this.url}/turns?beforeSeq=&limit=${PAGE}`, { signal: this.stop.signal }),
				]);
				this.title.value = what.title;
				this.attachments.value = what.attachments ?? [];
				this.before.value = page.next;
				this.take(page.turns);
				this.leaf.value = page.turns.at(-1)?.seq ?? 0;
			});
			this.error.value = '';
		} catch (error) {
			this.error.value = sentence(error);
		} finally {
			this.loading.value = false;
		}
	}

	async loadEarlier(): Promise<void> {
		if (this.loading.value || this.before.value === null) {
			return;
		}
		this.loading.value = true;
		const shown = this.path.value.length;
		try {
			while (this.before.value !== null && this.path.value.length === shown) {
				const page: TurnPage = await get<TurnPage>(`${this.url}/turns?beforeSeq=${this.before.value}&limit=${PAGE}`, { signal: this.stop.signal });
				this.before.value = page.next;
				this.take(page.turns);
			}
		} catch (error) {
			this.error.value = sentence(error);
		} finally {
			this.loading.value = false;
		}
	}

	private take(turns: Turn[]): void {
		this.keep(turns);
		for (const turn of turns) {
			if (turn.run.state === 'queued' || turn.run.state === 'streaming') {
				void this.listen(new Live({ ...turn.run, answer: '', citations: [] }));
			}
		}
	}

	/** Follows a run to its end, over whatever comes between. */
	private async listen(live: Live): Promise<void> {
		const { run } = live;
		this.setLive(run.turnSeq, live);
		try {
			await untilThere(this.stop.signal, () => (live.broken.value = true), () =>
				follow(run.streamUrl, {
					signal: this.stop.signal,
					after: live.seen,
					isLast,
					onEvent: (event) => live.take(event),
					onBroken: (broken) => (live.broken.value = broken),
				}));
			this.finish(live, live.ended && !live.ended.data.withheld ? live.current : await get<Run>(`/v1/runs/${run.id}`, { signal: this.stop.signal }));
		} catch (error) {
			if (!this.stop.signal.aborted) {
				this.finish(live, { ...live.current, state: live.text ? 'partial' : 'failed', reason: 'stream', message: sentence(error) });
			}
		}
		if (!this.stop.signal.aborted) {
			this.renewTitle();
		}
	}

	private renewTitle(): void {
		get<Conversation>(this.url).then((what) => {
			this.title.value = what.title;
			touched(what);
		}, () => {});
	}

	async ask(question: Question): Promise<boolean> {
		const set = (state: Pending['state'], error = '') => (this.pending.value = { ...question, state, error });
		set('sending');
		try {
			const accepted = await untilThere(this.stop.signal, () => set('waiting'), async () => {
				const body = { input: question.input, ...(this.leaf.value || this.turns.value.size ? { parentTurnSeq: question.parent } : {}), ...(question.collections.length ? { collections: question.collections } : {}) };
				const id = await this.ensure();
				return post<Accepted>(`/v1/conversations/${id}/turns`, body, { headers: { 'idempotency-key': question.key }, signal: this.stop.signal });
			});
			this.begun(accepted, { parentSeq: question.parent || null, input: question.input });
			this.pending.value = null;
			this.leaf.value = accepted.turnSeq;
			this.renewTitle();
			return true;
		} catch (error) {
			if (!this.stop.signal.aborted) {
				set('failed', error instanceof ApiError && error.status === 404 ? t('notFound.text') : sentence(error));
			}
			return false;
		}
	}

	private begun(accepted: Accepted, of: Pick<Turn, 'parentSeq' | 'input'>): void {
		const run = newRun(accepted.runId, this.id.value!, accepted.turnSeq, accepted.streamUrl);
		const before = this.turns.value.get(accepted.turnSeq);
		if (before?.run.id === run.id) {
			return;
		}
		const { id, state, mode, createdMs } = run;
		this.keep([{ seq: accepted.turnSeq, createdMs: before?.createdMs ?? Date.now(), ...of, run, runs: [...(before?.runs ?? []), { id, state, mode, createdMs }] }]);
		void this.listen(new Live(run));
	}

	async cancel(live: Live): Promise<void> {
		await call('POST', `/v1/runs/${live.run.id}/cancel`);
	}

	async regenerate(turn: Turn): Promise<void> {
		this.begun(await post<Accepted>(`${this.url}/turns/${turn.seq}/regenerate`), turn);
	}

	async showRun(turn: Turn, runId: string): Promise<void> {
		this.take([await put<Turn>(`${this.url}/turns/${turn.seq}/run`, { runId })]);
	}
}
