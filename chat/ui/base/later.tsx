// A view whose code comes when it is first looked at.
import type { ComponentChildren, ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { focusHeading } from './focus';
import { Button, ErrorNote } from './ui';
import { sentence } from './api';
import { t } from './i18n';

/** meanwhile: what stands there until then; null for what is no view of its own. */
export function later(load: () => Promise<ComponentType>, meanwhile: ComponentChildren = <div class="view" aria-busy="true" />): ComponentType {
	let loaded: ComponentType | undefined;
	return () => {
		const [View, setView] = useState<ComponentType | undefined>(() => loaded);
		const [error, setError] = useState('');
		const begin = () => {
			setError('');
			load().then((view) => setView(() => (loaded = view)), (e) => setError(sentence(e)));
		};
		useEffect(() => {
			if (!loaded) {
				begin();
			}
		}, []);
		useEffect(() => {
			if (View) {
				focusHeading();
			}
		}, [View]);
		if (View) {
			return <View />;
		}
		return error ? (
			<div class="view stack">
				<ErrorNote text={error} />
				<div class="row"><Button onClick={begin}>{t('retry')}</Button></div>
			</div>
		) : meanwhile;
	};
}
