// Who changed permissions, people and documents: a sentence each, newest first.
import { useState } from 'preact/hooks';
import { get } from '../base/api';
import { formatDay, formatClock, t } from '../base/i18n';
import type { Collection } from '../base/types';
import { Button, ErrorNote, useAttempt, useLoad } from '../base/ui';
import { allGroups, allUsers, everyPage, shownName } from './people';

interface Entry { n: number; atMs: number; actor: string; action: string; object: string; detail: string }
interface Page { audit: Entry[]; next: string | null }
type Names = Map<string, string>;

const load = (after: string | null, signal?: AbortSignal) => get<Page>(`/v1/audit?limit=100${after ? `&after=${after}` : ''}`, { signal });

/** Names of what may be named here; documents are not: an administrator need not be able to read them. */
async function loadNames(signal: AbortSignal): Promise<Names> {
	const [users, groups, collections] = await Promise.all([allUsers(signal), allGroups(signal), everyPage<Collection>('/v1/collections', 'collections', signal)]);
	return new Map([...users.map((u) => [u.id, shownName(u)] as const), ...groups.map((g) => [g.id, g.name] as const), ...collections.map((c) => [c.id, c.name] as const)]);
}

function detailOf(entry: Entry): Record<string, string> {
	try {
		return JSON.parse(entry.detail);
	} catch {
		return {};
	}
}

export function sentenceOf(entry: Entry, names: Names): string {
	const name = (id: string) => names.get(id) ?? t(`audit.a.${id.slice(0, 3)}`, { id });
	const who = entry.actor === 'operator' ? t('audit.machine') : name(entry.actor);
	const own = entry.actor === entry.object ? '.own' : '';
	const key = entry.action === 'acl.set' ? `audit.acl.set.${entry.object.slice(0, 3)}` : `audit.${entry.action}${own}`;
	const values = { who, what: name(entry.object), user: name(detailOf(entry).user ?? ''), action: entry.action };
	const text = t(key, values);
	return text === key ? t('audit.other', values) : text;
}

export function Audit() {
	const names = useLoad(loadNames, []);
	const first = useLoad((signal) => load(null, signal), []);
	const [more, setMore] = useState<Page[]>([]);
	const { busy, error, attempt } = useAttempt();
	const pages = first.value ? [first.value, ...more] : [];
	const next = pages.at(-1)?.next;
	const entries = pages.flatMap((page) => page.audit);
	const days = new Map<string, Entry[]>();
	for (const entry of entries) {
		const day = formatDay(entry.atMs);
		days.set(day, [...(days.get(day) ?? []), entry]);
	}
	return (
		<section class="stack">
			<ErrorNote text={first.error || names.error || error} />
			{names.value && [...days].map(([day, list]) => (
				<section key={day}>
					<h2 class="day">{day}</h2>
					<ul class="rows framed">
						{list.map((entry) => (
							<li key={entry.n}>
								<time class="muted small" dateTime={new Date(entry.atMs).toISOString()}>{formatClock(entry.atMs)}</time>
								<span class="grow">{sentenceOf(entry, names.value!)}</span>
							</li>
						))}
					</ul>
				</section>
			))}
			{next && <div class="row"><Button disabled={busy} onClick={() => attempt(async () => setMore([...more, await load(next)]))}>{t('more')}</Button></div>}
		</section>
	);
}
