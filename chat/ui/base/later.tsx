// A view whose code comes when it is first looked at.
import type { ComponentChildren, ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { focusHeading } from './focus';
import { Button, Empty } from './ui';
import { backOnline, online } from './api';
import { t } from './i18n';

/** meanwhile: what stands there until then; null for what is no view of its own. */
export function later(load: () => Promise<ComponentType>, meanwhile: ComponentChildren = <div class="view" aria-busy="true" />): ComponentType {
	let loaded: ComponentType | undefined;
	return () => {
		const [View, setView] = useState<ComponentType | undefined>(() => loaded);
		const [failed, setFailed] = useState(false);
		useEffect(() => {
			const take = (view: ComponentType) => setView(() => (loaded = view));
			// Away: once more when the server is back. There, but without this file: it is another version by now.
			const again = async () => {
				online.value = false;
				await backOnline();
				load().then(take, () => setFailed(true));
			};
			if (!loaded) {
				load().then(take, again);
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
		return failed ? (
			<div class="view">
				<Empty icon="refresh" title={t('newVersion.title')}>
					<p>{t('newVersion.text')}</p>
					<Button kind="primary" onClick={() => location.reload()}>{t('newVersion.do')}</Button>
				</Empty>
			</div>
		) : meanwhile;
	};
}
