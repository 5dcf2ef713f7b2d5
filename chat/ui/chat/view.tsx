// A conversation, a new one, or the temporary chat.
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { get } from '../base/api';
import { t } from '../base/i18n';
import { Icon } from '../base/icons';
import { link, place, replacePlace } from '../base/router';
import { me } from '../base/session';
import { Button, Empty, useLoad } from '../base/ui';
import type { Collection } from '../base/types';
import { attach } from './attach';
import { Composer } from './composer';
import { list } from './conversations';
import { StoredTalk, type Talk } from './talk';
import { TemporaryTalk } from './temporary';
import { Turns } from './turns';

/** The conversation that the address asks for. A new one stays the same object when it gets its id, and its address. */
function talkFor(name: string, id: string, now: Talk | null): Talk {
	if (name === 'temporary') {
		return now?.temporary ? now : new TemporaryTalk();
	}
	const wanted = name === 'c' ? id : null;
	return now && !now.temporary && now.id.peek() === wanted ? now : new StoredTalk(wanted);
}

let shown: Talk | null = null;

export function ChatView() {
	const [name = '', id = ''] = place.value.path;
	const talk = useMemo(() => {
		const next = talkFor(name, id, shown);
		if (next !== shown) {
			shown?.close();
			shown = next;
			if (next instanceof StoredTalk && next.id.peek()) {
				void next.load();
			}
		}
		return next;
	}, [name, id]);
	useEffect(() => () => {
		shown?.close();
		shown = null;
	}, []);
	return <TalkView key={talk.key} talk={talk} />;
}

function Hints({ talk }: { talk: Talk }) {
	const { value } = useLoad((signal) => get<{ collections: Collection[] }>('/v1/collections?limit=200', { signal }), []);
	const filled = value?.collections.filter((c) => c.documents > 0) ?? [];
	const ask = (text: string, ids: string[] = []) => {
		talk.text.value = text;
		talk.collections.value = ids;
		document.querySelector<HTMLTextAreaElement>('.composer textarea')?.focus();
	};
	if (value && !filled.length) {
		return (
			<div class="hints">
				<p class="muted">{t('chat.nothingYet')}</p>
				<a class="button" href={link('library')}><Icon name="upload" />{t('chat.bring')}</a>
			</div>
		);
	}
	const some = filled.toSorted((a, b) => b.documents - a.documents).slice(0, 3);
	return (
		<div class="hints" aria-busy={!value}>
			{some.map((c) => (
				<button key={c.id} type="button" class="hint" onClick={() => ask(t('chat.hintAsk', { name: c.name }), [c.id])}>
					<span class="clip">{t('chat.hint', { name: c.name })}</span>
					<small>{t('chat.documents', { n: c.documents })}</small>
				</button>
			))}
		</div>
	);
}

function Greeting({ talk }: { talk: Talk }) {
	return (
		<div class="greeting">
			<h1>{t(talk.temporary ? 'chat.temporaryTitle' : 'chat.title', { name: me.value?.displayName || me.value?.name || '' })}</h1>
			{talk.temporary && <p class="muted">{t('chat.temporaryText')}</p>}
		</div>
	);
}

function Head({ talk, title }: { talk: Talk; title: string }) {
	return (
		<header class="talk-head">
			<h1 class="clip" dir="auto">{title}</h1>
			{talk.temporary && <span class="tag"><Icon name="eyeOff" size={16} />{t('chat.temporaryShort')}</span>}
		</header>
	);
}

function useTitle(talk: Talk) {
	const id = talk.id.value;
	const title = talk.temporary ? t('nav.temporary') : list.value?.find((c) => c.id === id)?.title || talk.title.value || t('nav.new');
	useEffect(() => {
		const mine = id || talk.temporary ? `${title} – Carrel` : 'Carrel';
		document.title = mine;
		return () => { // the next view may have named the window already
			if (document.title === mine) {
				document.title = 'Carrel';
			}
		};
	}, [title, id]);
	return title;
}

function TalkView({ talk }: { talk: Talk }) {
	const title = useTitle(talk);
	const over = useSignal(0);
	const id = talk.id.value;
	useEffect(() => {
		if (id && place.peek().path[0] !== 'c') {
			replacePlace(link('c', id));
		}
	}, [id]);
	const dropped = (e: DragEvent) => {
		e.preventDefault();
		over.value = 0;
		attach(talk, [...(e.dataTransfer?.files ?? [])]);
	};
	const hasFiles = (e: DragEvent) => !talk.temporary && e.dataTransfer?.types.includes('Files');
	const drag = {
		onDragEnter: (e: DragEvent) => hasFiles(e) && (e.preventDefault(), over.value++),
		onDragOver: (e: DragEvent) => hasFiles(e) && e.preventDefault(),
		onDragLeave: (e: DragEvent) => hasFiles(e) && over.value--,
		onDrop: (e: DragEvent) => hasFiles(e) && dropped(e),
	};
	if (talk.error.value && !talk.turns.value.size) {
		return (
			<div class="view">
				<Empty icon="info" title={t('notFound.title')}>
					<p>{talk.error.value}</p>
					<Button onClick={() => void (talk as StoredTalk).load()}>{t('retry')}</Button>
				</Empty>
			</div>
		);
	}
	const isNew = !talk.turns.value.size && !talk.pending.value && !talk.loading.value;
	return (
		<div class={`talk ${isNew ? 'new' : ''} ${over.value > 0 ? 'over' : ''}`} {...drag}>
			{isNew ? <Greeting talk={talk} /> : <Head talk={talk} title={title} />}
			{!isNew && <Turns talk={talk} />}
			<div class="talk-foot" key="foot"><Composer talk={talk} /></div>
			{isNew && <Hints talk={talk} />}
			{over.value > 0 && <p class="drop-note">{t('chat.drop')}</p>}
		</div>
	);
}
