// Server-sent events (WHATWG HTML, 9.2) by fetch: with the access token, resumed where they broke off, and at most a few
// at once over all tabs, since HTTP/1.1 gives a browser six connections to one server.
import { ApiError, online, request } from './api';

export interface SseEvent { id: number; type: string; data: any }

/** Takes bytes as they come, gives whole events. */
export function createParser(onEvent: (event: SseEvent) => void): (text: string) => void {
	let rest = '', id = 0, type = '', data: string[] = [];
	const line = (text: string) => {
		if (text === '') {
			if (data.length) {
				onEvent({ id, type: type || 'message', data: JSON.parse(data.join('\n')) });
			}
			type = '';
			data = [];
			return;
		}
		const colon = text.indexOf(':');
		const field = colon < 0 ? text : text.slice(0, colon);
		const value = colon < 0 ? '' : text.slice(colon + (text[colon + 1] === ' ' ? 2 : 1));
		if (field === 'id') {
			id = Number(value) || 0;
		} else if (field === 'event') {
			type = value;
		} else if (field === 'data') {
			data.push(value);
		}
	};
	return (text) => {
		rest += text;
		for (let end; (end = rest.search(/\r\n|\n|\r(?!$)/)) >= 0;) {
			line(rest.slice(0, end));
			rest = rest.slice(end + (rest.startsWith('\r\n', end) ? 2 : 1));
		}
	};
}

async function readAll(body: ReadableStream<Uint8Array>, feed: (text: string) => void): Promise<void> {
	const reader = body.getReader();
	const decoder = new TextDecoder();
	for (;;) {
		const { done, value } = await reader.read();
		if (done) {
			return;
		}
		feed(decoder.decode(value, { stream: true }));
	}
}

const STREAMS = 4; // of the six; the others are for everything else

/** Runs work while holding one of the few places that all tabs share; aborted: never begins. */
async function withPlace<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
	if (!navigator.locks) {
		return work(); // not a secure context: one tab's good manners must do
	}
	for (let i = 0; i < STREAMS; i++) {
		let got = false;
		const result = await navigator.locks.request(`carrel-stream-${i}`, { ifAvailable: true }, async (lock) => {
			got = lock !== null;
			return got ? work() : undefined;
		});
		if (got) {
			return result as T;
		}
	}
	return navigator.locks.request('carrel-stream-0', { signal }, work) as Promise<T>;
}

export interface StreamOptions {
	signal: AbortSignal;
	onEvent: (event: SseEvent) => void;
	/** Whether that event ends it: a stream that stops without is resumed. */
	isLast: (event: SseEvent) => boolean;
	/** Told when it broke off and is tried again, and when it goes on. */
	onBroken?: (broken: boolean) => void;
	/** Events up to this number are known already. */
	after?: number;
}

const pause = (ms: number, signal: AbortSignal) =>
	new Promise<void>((done, fail) => {
		const timer = setTimeout(done, ms);
		signal.addEventListener('abort', () => (clearTimeout(timer), fail(signal.reason)), { once: true });
	});

/** Follows a numbered stream to its last event; resumes with Last-Event-ID as often as it breaks off. */
export async function follow(url: string, { signal, onEvent, isLast, onBroken, after = 0 }: StreamOptions): Promise<void> {
	let last = after, ended = false, failures = 0;
	while (!ended) {
		try {
			await withPlace(signal, async () => {
				const answer = await request(url, { signal, headers: { accept: 'text/event-stream', 'last-event-id': String(last) } });
				if (answer.status === 204 || !answer.body) {
					ended = true;
					return;
				}
				onBroken?.(false);
				await readAll(answer.body, createParser((event) => {
					if (event.id && event.id <= last) {
						return;
					}
					last = event.id || last;
					failures = 0;
					ended ||= isLast(event);
					onEvent(event);
				}));
			});
		} catch (error) {
			const hopeless = error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429;
			if (signal.aborted || hopeless) {
				throw error;
			}
		}
		if (!ended) {
			onBroken?.(true);
			await pause(Math.min(250 * 1.7 ** failures++, 5000), signal);
			if (!online.value) {
				await new Promise<void>((done) => {
					const off = online.subscribe((there) => there && (queueMicrotask(() => off()), done()));
					signal.addEventListener('abort', () => done(), { once: true });
				});
				signal.throwIfAborted();
			}
		}
	}
}

/** A stream of the ephemeral chat: posted, tied to its connection, not resumed. */
export async function post(url: string, body: unknown, signal: AbortSignal, onEvent: (event: SseEvent) => void): Promise<void> {
	const answer = await request(url, { method: 'POST', signal, headers: { accept: 'text/event-stream', 'content-type': 'application/json' }, body: JSON.stringify(body) });
	await readAll(answer.body!, createParser(onEvent));
}
