// Models and settings: by group, each with where its value comes from; what was changed is saved together.
import { useState } from 'preact/hooks';
import { get, patch, post } from '../base/api';
import { formatNumber, t } from '../base/i18n';
import type { Setting } from '../base/types';
import { Button, ErrorNote, toast, useAttempt, useLoad } from '../base/ui';

type Changes = Record<string, string>;
interface Answer { settings: Setting[] }

/** Which group a setting stands in, by its name; the first that fits. */
const GROUPS: [string, RegExp][] = [
	['model', /^(model-|answer-|source-|runs-)/],
	['embedder', /^embed/],
	['documents', /^(ingest-|chunk-|upload)/],
	['people', /^(session-|access-|login-|public-url)/],
	['server', /./],
];
const groupOf = (name: string) => GROUPS.find(([, pattern]) => pattern.test(name))![0];
const CHOICES: Record<string, string[]> = { 'log-level': ['debug', 'info', 'warn', 'error'], embedder: ['builtin', 'openai'] };
const isNumber = (s: Setting) => s.type === 'number' || s.type === 'integer' || (!s.type && /^\d+$/.test(s.default));

/** Help in the reader's language where the page has it. */
function helpOf(setting: Setting): string {
	const text = t(`setting.${setting.name}`);
	return text.startsWith('setting.') ? setting.help : text;
}

function Editor({ setting, value, onValue, id }: { setting: Setting; value: string; onValue: (value: string) => void; id: string }) {
	const fixed = setting.source === 'flag' || setting.source === 'environment' || setting.name === 'data';
	const shared = { id, disabled: fixed, 'aria-describedby': `${id}-help` };
	if (CHOICES[setting.name]) {
		return (
			<select {...shared} value={value} onChange={(e) => onValue(e.currentTarget.value)}>
				{CHOICES[setting.name]!.map((one) => <option value={one}>{one}</option>)}
			</select>
		);
	}
	if (setting.secret) {
		return <input {...shared} type="password" autocomplete="new-password" placeholder={t(setting.value ? 'settings.secretSet' : 'settings.secretNone')} value={value} onInput={(e) => onValue(e.currentTarget.value)} />;
	}
	if (isNumber(setting)) {
		return <input {...shared} type="number" step={1} required value={value} onInput={(e) => onValue(e.currentTarget.value)} />;
	}
	return <input {...shared} type="text" autocomplete="off" autocapitalize="off" spellcheck={false} placeholder={setting.default} value={value} onInput={(e) => onValue(e.currentTarget.value)} />;
}

function Row({ setting, changed, onChange }: { setting: Setting; changed?: string; onChange: (value: string) => void }) {
	const id = `setting-${setting.name}`;
	const source = setting.source ?? (setting.value === setting.default ? 'default' : 'file');
	return (
		<div class="setting">
			<label for={id}>{setting.name}</label>
			<Editor id={id} setting={setting} value={changed ?? (setting.secret ? '' : setting.value)} onValue={onChange} />
			<small id={`${id}-help`}>
				{helpOf(setting)}
				{setting.default && !setting.secret && ` · ${t('settings.default', { value: isNumber(setting) ? formatNumber(Number(setting.default)) : setting.default })}`}
			</small>
			<div class="row">
				<span class="tag">{t(`settings.from.${source}`)}</span>
				{changed !== undefined && <span class="tag warn">{t(setting.live ? 'settings.changed' : 'settings.changedRestart')}</span>}
			</div>
		</div>
	);
}

function Test({ what, changes }: { what: 'model' | 'embedder'; changes: Changes }) {
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
	const change = (setting: Setting, to: string) => {
		const { [setting.name]: _, ...others } = changes;
		setChanges(to === (setting.secret ? '' : setting.value) ? others : { ...others, [setting.name]: to });
	};
	const save = () => saving.attempt(async () => {
		const answer = await patch<Answer & { restart: string[] }>('/v1/settings', { settings: changes });
		set(answer);
		setChanges({});
		toast(answer.restart.length ? t('settings.savedRestart', { names: answer.restart.join(', ') }) : t('account.saved'), { ms: 10000 });
	});
	return (
		<form class="stack" onSubmit={(e) => (e.preventDefault(), save())}>
			<p class="muted">{t('settings.text')}</p>
			<ErrorNote text={error} />
			{value && GROUPS.map(([group]) => (
				<section class="card stack" key={group}>
					<h2>{t(`settings.${group}`)}</h2>
					{value.settings.filter((s) => groupOf(s.name) === group).map((s) => <Row key={s.name} setting={s} changed={changes[s.name]} onChange={(to) => change(s, to)} />)}
					{(group === 'model' || group === 'embedder') && <Test what={group} changes={changes} />}
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
