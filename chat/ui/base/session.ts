// Who is signed in.
import { signal } from '@preact/signals';
import { get, keepTokens, post, renewToken, sessionEnded } from './api';
import type { Me, SignIn, User } from './types';

/** 'unknown' until the first answer; 'ended': somebody was signed in, and the page keeps what they had typed. */
export const session = signal<'unknown' | 'out' | 'in' | 'ended'>('unknown');
export const me = signal<Me | null>(null);
export const isAdmin = (): boolean => me.value?.role === 'admin' || me.value?.role === 'operator';
export const isOperator = (): boolean => me.value?.role === 'operator';

const channel = new BroadcastChannel('carrel-session');
channel.onmessage = ({ data }) => {
	if (data === 'out') {
		leave();
	} else if (data === 'in' && session.value !== 'in') {
		void resume();
	}
};

/** Who one is, as the server sees it now. */
export async function loadMe(): Promise<Me> {
	const { user, ...rest } = await get<Omit<Me, keyof User> & { user: User }>('/v1/me');
	return { ...rest, ...user };
}

async function enter(): Promise<void> {
	const before = me.value;
	const now = await loadMe();
	if (before && before.id !== now.id) {
		location.reload(); // somebody else: nothing of the former may stay on the page
		return;
	}
	me.value = now;
	session.value = 'in';
}

/** At the start, and after an end: goes on with the cookie, if there is one. */
export async function resume(): Promise<void> {
	const signedIn = await renewToken();
	if (signedIn) {
		await enter();
	} else {
		session.value = me.value ? 'ended' : 'out';
	}
}

export async function signIn(name: string, password: string): Promise<void> {
	keepTokens(await post<SignIn>('/v1/auth/login', { name, password }));
	await enter();
	channel.postMessage('in');
}

/** The first operator, with the one-time token that the server printed. */
export async function signUpFirst(token: string, name: string, password: string): Promise<void> {
	await post('/v1/bootstrap', { token, name, password });
	await signIn(name, password);
}

function leave(): void {
	keepTokens(null);
	if (me.value) {
		location.hash = '';
		location.reload(); // nothing of theirs stays in memory
	} else {
		session.value = 'out';
	}
}

export async function signOut(everywhere = false): Promise<void> {
	await post('/v1/auth/logout', everywhere ? { everywhere: true } : {});
	channel.postMessage('out');
	leave();
}

sessionEnded.subscribe((n) => {
	if (n && session.value === 'in') {
		keepTokens(null);
		session.value = 'ended';
	}
});
