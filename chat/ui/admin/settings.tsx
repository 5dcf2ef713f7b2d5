// Models and settings: by group, each with where its value comes from; what was changed is saved together.
import { useState } from 'preact/hooks';
import { get, patch, post } from '../base/api';
import { formatList, formatNumber, t } from '../base/i18n';
import type { Setting } from '../base/types';
import { Button, ErrorNote, toast, useAttempt, useLoad } from '../base/ui';

/** null: the default. */
type Changes = Record<string, string | null>;
interface Answer { settings: Setting[]; restart: string[] }

/** Which group a setting stands in, by its name; the first that fits. */
const GROUPS: [string, RegExp][] = [
	['model', /^(model-|answer-|source-|runs-)/],
	['embedder', /^embed/],
	['reranker', /^rerank-/],
	['documents', /^(ingest-|chunk-|upload)/],
	['people', /^(session-|access-|login-|public-url)/],
	['server', /./],
];
const groupOf = (name: string) => GROUPS.find(([, pattern]) => pattern.test(name))![0];
/** What the command line or the environment says cannot be changed here, nor where the data is. */
const isFixed = (s: Setting) => s.source === 'flag' || s.source === 'environment' || s.name === 'data';

/** Help in the reader's language where the page has it. */
function helpOf(setting: Setting): string {
	const text = t(`setting.${setting.name}`);
	return text.startsWith('setting.') ? setting.help : text;
}

function Editor({ setting, value, onValue, id }: { setting: Setting; value: string; onValue: (value: string) => void; id: string }) {
	const shared = { id, disabled: isFixed(setting), 'aria-describedby': `${id}-help` };
	if (setting.choices) {
		return (
			<select {...shared} value={value} onChange={(e) => onValue(e.currentTarget.value)}>
				{setting.choices.split(',').map((one) => <option value={one}>{one}</option>)}
			</select>
		);
	}
	if (setting.secret) {
		return <input {...shared} type="password" autocomplete="new-password" placeholder={t(setting.value ? 'settings.secretSet' : 'settings.secretNone')} value={value} onInput={(e) => onValue(e.currentTarget.value)} />;
	}
	if (setting.type === 'number') {
		return <input {...shared} type="number" step={1} min={setting.min} max={setting.max} required value={value} onInput={(e) => onValue(e.currentTarget.value)} />;
	}
	return <input {...shared} type="text" autocomplete="off" autocapitalize="off" spellcheck={false} placeholder={setting.default} value={value} onInput={(e) => onValue(e.currentTarget.value)} />;
}

function Row({ setting, changed, onChange }: { setting: Setting; changed?: string | null; onChange: (value: string | null) => void }) {
	const id = `setting-${setting.name}`;
	const isNumber = setting.type === 'number';
	const shown = changed === null ? setting.default : changed ?? (setting.secret ? '' : setting.value);
	return (
		<div class="setting">
			<label for={id}>{setting.name}</label>
			<Editor id={id} setting={setting} value={shown} onValue={onChange} />
			<small id={`${id}-help`}>
				{helpOf(setting)}
				{setting.default && !setting.secret && ` · ${t('settings.default', { value: isNumber ? formatNumber(Number(setting.default)) : setting.default })}`}
			</small>
			<div class="row">
				<span class="tag">{t(`settings.from.${setting.source}`)}</span>
				{setting.source === 'file' && changed === undefined && <button type="button" class="link small" aria-label={t('settings.resetThat', { name: setting.name })} onClick={() => onChange(null)}>{t('settings.reset')}</button>}
				{changed !== undefined && <span class="tag warn">{t(setting.live ? 'settings.changed' : 'settings.changedRestart')}</span>}
			</div>
		</div>
	);
}

function Test({ what, changes }: { what: 'model' | 'embedder' | 'reranker'; changes: Changes }) {
	const [said, setSaid] = useState<{ ok: boolean; ms: number; message: string } | null>(null);
	const { busy, error, attempt } = useAttempt();
	const test = () => attempt(async () => {
		setSaid(null);
		setSaid(await post('/v1/settings/test', { what, settings: changes }));
	});
	return (
		<div class="row test">
			<Button disabled={busy} onClick={test}>{t(busy ? 'settings.testing' : `settings.test.${what}`)}</Button>
			<div class="grow" role="status">{said && <span class={said.ok ? 'tag good' : 'tag bad'}>{said.ok ? t('settings.works', { ms: said.ms }) : t('settings.fails', { ms: said.ms })}</span>} {said?.message}</div>
			<ErrorNote text={error} />
		</div>
	);
}

export function Settings() {
	const { value, error, set } = useLoad((signal) => get<Answer>('/v1/settings', { signal }), []);
	const [changes, setChanges] = useState<Changes>({});
	const saving = useAttempt();
	const names = Object.keys(changes);
	const change = (setting: Setting, to: string | null) => {
		const { [setting.name]: _, ...others } = changes;
		setChanges(to === (setting.secret ? '' : setting.value) ? others : { ...others, [setting.name]: to });
	};
	const save = () => saving.attempt(async () => {
		const answer = await patch<Answer>('/v1/settings', { settings: changes });
		set(answer);
		setChanges({});
		toast(answer.restart.length ? t('settings.savedRestart', { names: formatList(answer.restart) }) : t('account.saved'), { ms: 10000 });
	});
	return (
		<form class="stack" onSubmit={(e) => (e.preventDefault(), save())}>
			<p class="muted">{t('settings.text')}</p>
			<ErrorNote text={error} />
			{value && value.restart.length > 0 && <p class="note warn">{t('settings.pending', { names: formatList(value.restart) })}</p>}
			{value && GROUPS.map(([group]) => (
				<section class="card stack" key={group}>
					<h2>{t(`settings.${group}`)}</h2>
					{value.settings.filter((s) => groupOf(s.name) === group).map((s) => <Row key={s.name} setting={s} changed={changes[s.name]} onChange={(to) => change(s, to)} />)}
					{(group === 'model' || group === 'embedder' || group === 'reranker') && <Test what={group} changes={changes} />}
				</section>
			))}
			{(names.length > 0 || saving.error) && (
				<div class="save-bar card stack">
					<ErrorNote text={saving.error} />
					<div class="row apart">
						<span>{t('settings.unsaved', { n: names.length })}</span>
						<div class="row">
							<Button onClick={() => (setChanges({}), saving.setError(''))}>{t('settings.discard')}</Button>
							<Button type="submit" kind="primary" disabled={saving.busy || !names.length}>{t('save')}</Button>
						</div>
					</div>
				</div>
			)}
		</form>
	);
}
