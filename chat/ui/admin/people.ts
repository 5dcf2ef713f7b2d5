// What several tabs ask: everybody, every group; and passwords that are made here.
import { get } from '../base/api';
import type { Group, User } from '../base/types';

/** All pages of a list. */
export async function everyPage<T>(url: string, key: string, signal: AbortSignal): Promise<T[]> {
	const all: T[] = [];
	let after: string | null = null;
	do {
		const page: Record<string, unknown> = await get(`${url}${url.includes('?') ? '&' : '?'}limit=200${after ? `&after=${encodeURIComponent(after)}` : ''}`, { signal });
		all.push(...(page[key] as T[]));
		after = page.next as string | null;
	} while (after);
	return all;
}

export const allUsers = (signal: AbortSignal) => everyPage<User>('/v1/users', 'users', signal);
export const allGroups = (signal: AbortSignal) => get<{ groups: Group[] }>('/v1/groups', { signal }).then((a) => a.groups);

const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789'; // none that look alike

/** 20 letters, about 99 bits: "k4wmp-…". */
export function makePassword(): string {
	const letters: string[] = [];
	while (letters.length < 20) {
		const byte = crypto.getRandomValues(new Uint8Array(1))[0]!;
		if (byte < 256 - (256 % LETTERS.length)) {
			letters.push(LETTERS[byte % LETTERS.length]!);
		}
	}
	return letters.join('').replace(/(.{5})(?=.)/g, '$1-');
}

export const shownName = (user: { name: string; displayName: string }): string => user.displayName || user.name;
