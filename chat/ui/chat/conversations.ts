// The list of one's own conversations: one copy for the page, told to the other tabs.
import { signal } from '@preact/signals';
import { del, get, patch, query } from '../base/api';
import { t } from '../base/i18n';
import { toast, toastError } from '../base/ui';
import type { Conversation } from '../base/types';

interface Page { conversations: Conversation[]; next: string | null }

/** Newest first, as far as it was read; null: not yet. */
export const list = signal<Conversation[] | null>(null);
export const next = signal<string | null>(null);
/** Deleted ones whose deletion may still be undone. */
export const leaving = signal<ReadonlySet<string>>(new Set());
const UNDO_MS = 10000;

const channel = new BroadcastChannel('carrel-history');
channel.onmessage = ({ data }) => {
	if (data.touched) {
		put(data.touched);
	} else if (data.gone) {
		remove(data.gone);
	}
};

const byTime = (a: Conversation, b: Conversation) => b.updatedMs - a.updatedMs || (a.id < b.id ? 1 : -1);

function put(what: Conversation): void {
	list.value = [what, ...(list.value ?? []).filter((c) => c.id !== what.id)].sort(byTime);
}

function remove(id: string): void {
	list.value = list.value?.filter((c) => c.id !== id) ?? null;
}

export const known = (id: string): Conversation | undefined => list.value?.find((c) => c.id === id);

/** It is new, or has another title or a new turn. */
export function touched(what: Conversation): void {
	put(what);
	channel.postMessage({ touched: what });
}

export async function loadMore(): Promise<void> {
	if (list.value !== null && next.value === null) {
		return;
	}
	const page = await get<Page>(`/v1/conversations${query({ limit: 50, after: next.value })}`);
	const here = new Set(list.value?.map((c) => c.id));
	list.value = [...(list.value ?? []), ...page.conversations.filter((c) => !here.has(c.id))].sort(byTime);
	next.value = page.next;
}

export const find = async (q: string, signal: AbortSignal): Promise<Conversation[]> =>
	(await get<Page>(`/v1/conversations${query({ q, limit: 100 })}`, { signal })).conversations;

export async function rename(id: string, title: string): Promise<void> {
	touched(await patch<Conversation>(`/v1/conversations/${id}`, { title }));
}

// ── deleting, with time to think again ──

const due = new Map<string, number>();

function mark(id: string, is: boolean): void {
	const all = new Set(leaving.value);
	if (is) {
		all.add(id);
	} else {
		all.delete(id);
	}
	leaving.value = all;
}

async function send(id: string): Promise<void> {
	clearTimeout(due.get(id));
	due.delete(id);
	try {
		await del(`/v1/conversations/${id}`, { keepalive: true });
		remove(id);
		channel.postMessage({ gone: id });
	} catch (error) {
		toastError(error);
	}
	mark(id, false);
}

export function deleteSoon(what: Conversation): void {
	mark(what.id, true);
	due.set(what.id, setTimeout(() => void send(what.id), UNDO_MS));
	toast(t('chat.deleted', { title: (what.title || t('chat.untitled')).slice(0, 60) }), {
		ms: UNDO_MS,
		action: {
			label: t('undo'),
			run: () => {
				clearTimeout(due.get(what.id));
				due.delete(what.id);
				mark(what.id, false);
			},
		},
	});
}

// Leaving the page is no second thought. It hears no answer any more: the others are told now.
addEventListener('pagehide', () => [...due.keys()].forEach((id) => {
	void send(id);
	channel.postMessage({ gone: id });
}));
