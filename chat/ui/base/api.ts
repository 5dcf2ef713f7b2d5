// The API client: one function for every request. The access token lives in this module's memory and nowhere else; a
// request that meets its end renews it by the session cookie (chat/routes_auth.c) and goes once more.
import { signal } from '@preact/signals';
import { t } from './i18n';
import type { SignIn } from './types';

/** Why a request failed: status 0 means that the server was not reached. */
export class ApiError extends Error {
	constructor(readonly status: number, readonly code: string, message: string, readonly retryAfterMs = 0) {
		super(message);
	}
}

/** False while the server does not answer; becomes true again by itself. */
export const online = signal(true);
/** Counts up when the session turns out to have ended; base/session.ts asks to sign in then. */
export const sessionEnded = signal(0);

let accessToken: string | null = null;
let csrfToken: string | null = null;
let renewal: Promise<boolean> | null = null;

export function keepTokens(from: SignIn | null): void {
	accessToken = from?.accessToken ?? null;
	csrfToken = from?.csrfToken ?? null;
}

/** The headers that say who asks. */
export function credentials(): Record<string, string> {
	return accessToken ? { authorization: `Bearer ${accessToken}` } : csrfToken ? { 'x-csrf-token': csrfToken } : {};
}

/** A fresh access token by the session cookie; many askers share one request. False: nobody is signed in. */
export function renewToken(): Promise<boolean> {
	renewal ??= (async () => {
		const answer = await reach('/v1/auth/refresh', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
		if (!answer.ok && answer.status !== 401) {
			throw await errorOf(answer);
		}
		keepTokens(answer.ok ? ((await answer.json()) as SignIn) : null);
		return answer.ok;
	})().finally(() => (renewal = null));
	return renewal;
}

/** fetch that notes whether the server is there. */
async function reach(url: string, init: RequestInit): Promise<Response> {
	try {
		const answer = await fetch(url, { ...init, credentials: 'same-origin', redirect: 'error' });
		online.value = true;
		return answer;
	} catch (error) {
		if ((error as Error).name === 'AbortError') {
			throw error;
		}
		if (!init.signal?.aborted) {
			online.value = false;
		}
		throw new ApiError(0, 'unreachable', t('error.unreachable'));
	}
}

// What the server says in English, in the reader's language where the page knows the code; statuses without a body too.
export function sentenceFor(status: number, code: string, message: string, retryAfterMs: number): string {
	if (status === 429) {
		return t('error.tooMany', { n: Math.max(1, Math.ceil(retryAfterMs / 1000)) });
	}
	const known = t(`error.${code}`);
	return known !== `error.${code}` ? known : message || t('error.status', { status });
}

export async function errorOf(answer: Response): Promise<ApiError> {
	const retryAfterMs = 1000 * Number(answer.headers.get('retry-after') ?? 0) || 0;
	const body = await answer.json().catch(() => null) as { error?: { code: string; message: string } } | null;
	const code = body?.error?.code ?? 'unknown';
	return new ApiError(answer.status, code, sentenceFor(answer.status, code, body?.error?.message ?? '', retryAfterMs), retryAfterMs);
}

/** fetch as the signed-in user; throws an ApiError unless the answer is a success. */
export async function request(url: string, init: RequestInit & { headers?: Record<string, string> } = {}): Promise<Response> {
	const send = () => reach(url, { ...init, headers: { ...init.headers, ...credentials() } });
	let answer = await send();
	if (answer.status === 401) {
		if (await renewToken()) {
			answer = await send();
		}
		if (answer.status === 401) {
			sessionEnded.value++;
		}
	}
	if (!answer.ok) {
		throw await errorOf(answer);
	}
	return answer;
}

export interface CallOptions { signal?: AbortSignal; headers?: Record<string, string>; keepalive?: boolean }

/** JSON in, JSON out. */
export async function call<T = void>(method: string, url: string, body?: unknown, options: CallOptions = {}): Promise<T> {
	const headers = { ...options.headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
	const answer = await request(url, { ...options, method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
	return (answer.status === 204 ? undefined : await answer.json()) as T;
}

export const get = <T>(url: string, options?: CallOptions) => call<T>('GET', url, undefined, options);
export const post = <T = void>(url: string, body: unknown = {}, options?: CallOptions) => call<T>('POST', url, body, options);
export const put = <T = void>(url: string, body?: unknown, options?: CallOptions) => call<T>('PUT', url, body, options);
export const patch = <T = void>(url: string, body: unknown, options?: CallOptions) => call<T>('PATCH', url, body, options);
export const del = <T = void>(url: string, options?: CallOptions) => call<T>('DELETE', url, undefined, options);

/** A key that nothing else has; crypto.randomUUID is missing where the page does not come by https or from this machine. */
export const freshKey = (): string => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');

/** "?a=1&b=2" of what is there. */
export function query(values: Record<string, string | number | boolean | null | undefined>): string {
	const pairs = Object.entries(values).filter(([, v]) => v !== null && v !== undefined && v !== '');
	return pairs.length ? `?${new URLSearchParams(pairs.map(([k, v]) => [k, String(v)]))}` : '';
}

/** One sentence for whoever looks at the page; '' when they stopped it themselves. */
export function sentence(error: unknown): string {
	if (error instanceof ApiError) {
		return error.message;
	}
	return (error as Error)?.name === 'AbortError' ? '' : t('error.unexpected', { what: String((error as Error)?.message ?? error) });
}

// ── back again ──

/** Resolves when the server answers. */
export const backOnline = (): Promise<void> => new Promise((done) => {
	const off = online.subscribe((there) => there && (queueMicrotask(() => off()), done()));
});

let looking = false;

/** While the server is away: looks for it, ever more seldom, and at once when the browser says that the network is back. */
online.subscribe((there) => {
	if (there || looking) {
		return;
	}
	looking = true;
	let wait = 500;
	const look = async () => {
		clearTimeout(timer);
		try {
			await fetch('/readyz', { cache: 'no-store' });
			online.value = true;
			looking = false;
			removeEventListener('online', look);
		} catch {
			timer = setTimeout(look, (wait = Math.min(wait * 1.6, 10000)));
		}
	};
	let timer = setTimeout(look, wait);
	addEventListener('online', look);
});
