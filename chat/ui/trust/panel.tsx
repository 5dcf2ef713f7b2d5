import { t } from '../base/i18n';
import { closeSource, source } from '../base/source';
import { IconButton } from '../base/ui';

export function SourcePanel() {
	return (
		<aside class="source">
			<IconButton icon="close" label={t('close')} onClick={closeSource} />
			{source.value!.name}
		</aside>
	);
}
