// Where questions are written.
import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { freshKey, get } from '../base/api';
import { t } from '../base/i18n';
import { Icon } from '../base/icons';
import { useShortcut } from '../base/keys';
import { IconButton, toastError } from '../base/ui';
import type { Collection } from '../base/types';
import { Attachments, attach } from './attach';
import { keepDraft, readDraft } from './drafts';
import type { Talk } from './talk';
import { isEnter, useGrowing } from './typing';

const LIMIT = 8000; // bytes that the server takes as a question
const tooLong = (text: string) => new TextEncoder().encode(text).length > LIMIT;

/** Which collections are asked; none chosen: all that one may read. */
function Where({ chosen, onChange }: { chosen: string[]; onChange: (ids: string[]) => void }) {
	const all = useSignal<Collection[] | null>(null);
	const open = useSignal(false);
	const ref = useRef<HTMLDivElement>(null);
	const load = () => get<{ collections: Collection[] }>('/v1/collections?limit=200').then((r) => (all.value = r.collections), toastError);
	useEffect(() => {
		chosen.length && void load();
	}, []);
	useEffect(() => {
		if (!open.value) {
			return;
		}
		void load();
		const away = (e: Event) => !ref.current?.contains(e.target as Node) && (open.value = false);
		addEventListener('pointerdown', away);
		addEventListener('focusin', away);
		return () => (removeEventListener('pointerdown', away), removeEventListener('focusin', away));
	}, [open.value]);
	const names = chosen.map((id) => all.value?.find((c) => c.id === id)?.name).filter(Boolean);
	return (
		<div class="where" ref={ref} onKeyDown={(e) => e.key === 'Escape' && open.value && (e.stopPropagation(), (open.value = false), ref.current!.querySelector('button')!.focus())}>
			<button type="button" class="button quiet" aria-expanded={open.value} aria-haspopup="true" onClick={() => (open.value = !open.value)}>
				<Icon name="folder" size={18} />
				<span class="clip">{names.length ? names.join(', ') : t('chat.everywhere')}</span>
				<Icon name="chevronDown" size={14} />
			</button>
			{open.value && (
				<fieldset class="where-list">
					<legend>{t('chat.where')}</legend>
					{all.value?.map((c) => (
						<label key={c.id}>
							<input type="checkbox" checked={chosen.includes(c.id)} onChange={(e) => onChange(e.currentTarget.checked ? [...chosen, c.id] : chosen.filter((x) => x !== c.id))} />
							<span class="clip">{c.name}</span>
						</label>
					))}
					{all.value?.length === 0 && <p class="muted">{t('chat.noCollections')}</p>}
				</fieldset>
			)}
		</div>
	);
}

export function Composer({ talk }: { talk: Talk }) {
	const text = talk.text.value;
	const ref = useGrowing(text);
	const files = useRef<HTMLInputElement>(null);
	const collections = talk.collections.value;
	const tried = useRef<{ text: string; key: string } | null>(null);
	const id = talk.id.value ?? 'new';
	const pending = talk.pending.value;
	const running = talk.running.value;

	useLayoutEffect(() => {
		if (talk.temporary) {
			return;
		}
		const draft = readDraft(id);
		if (draft.text && !talk.text.peek() && !talk.pending.peek()) {
			talk.text.value = draft.text;
			tried.current = draft.key ? { text: draft.text, key: draft.key } : null;
		}
		if (draft.collections && !talk.collections.peek().length) {
			talk.collections.value = draft.collections;
		}
		if (id !== 'new') {
			keepDraft('new', { text: '' });
		}
	}, [id]);
	useEffect(() => {
		if (!talk.temporary) {
			const typed = talk.text.peek(); // a draft that was just read is not in `text` yet
			const unsent = [pending?.input, typed].filter(Boolean).join('\n\n');
			keepDraft(id, { text: unsent, collections, key: pending && !typed ? pending.key : tried.current?.text === unsent ? tried.current.key : undefined });
		}
	}, [id, text, pending, collections]);
	useEffect(() => {
		if (!matchMedia('(pointer: coarse)').matches) {
			ref.current!.focus();
		}
	}, [talk]);
	useShortcut('/', t('chat.focus'), () => ref.current!.focus());

	const canSend = text.trim() !== '' && !tooLong(text) && !running && !(pending && pending.state !== 'failed');
	const send = () => {
		if (!canSend) {
			return;
		}
		const input = text.trim();
		const key = tried.current?.text === input ? tried.current.key : freshKey();
		tried.current = { text: input, key };
		talk.text.value = '';
		void talk.ask({ input, parent: talk.leaf.peek(), key, collections }).then((taken) => taken && (tried.current = null));
	};
	const stop = () => running && talk.cancel(running).catch(toastError);
	useShortcut('escape', t('chat.stop'), () => void stop(), { whileTyping: true, active: running !== null });

	return (
		<form class="composer" onSubmit={(e) => (e.preventDefault(), send())}>
			<Attachments talk={talk} />
			<textarea
				ref={ref}
				rows={1}
				dir="auto"
				aria-label={t('chat.question')}
				aria-describedby={tooLong(text) ? 'too-long' : undefined}
				placeholder={t(talk.turns.value.size ? 'chat.askMore' : 'chat.ask')}
				value={text}
				onInput={(e) => (talk.text.value = e.currentTarget.value)}
				onKeyDown={(e) => isEnter(e) && (e.preventDefault(), send())}
				onPaste={(e) => {
					const pasted = [...(e.clipboardData?.files ?? [])];
					if (pasted.length && !talk.temporary) {
						e.preventDefault();
						attach(talk, pasted);
					}
				}}
			/>
			{tooLong(text) && <p class="error-note" id="too-long" role="alert">{t('chat.tooLong', { n: LIMIT })}</p>}
			<div class="composer-foot">
				{!talk.temporary && (
					<>
						<IconButton icon="clip" label={t('chat.attach')} onClick={() => files.current!.click()} />
						<input ref={files} type="file" multiple hidden onChange={(e) => (attach(talk, [...e.currentTarget.files!]), (e.currentTarget.value = ''))} />
					</>
				)}
				<Where chosen={collections} onChange={(ids) => (talk.collections.value = ids)} />
				<span class="grow" />
				{running
					? <IconButton class="send" icon="stop" label={t('chat.stop')} onClick={() => void stop()} />
					: <IconButton class="send" type="submit" icon="send" label={t('chat.send')} disabled={!canSend} />}
			</div>
		</form>
	);
}
