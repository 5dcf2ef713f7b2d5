// Who may read something, as a plain phrase: "Finance and two people".
import { formatList, t } from './i18n';
import type { Access } from './types';

export function accessPhrase(access: Access | undefined): string {
	if (!access) {
		return '';
	}
	if (access.workspace) {
		return t('access.everybody');
	}
	const others = access.users - (access.you ? 1 : 0);
	const parts = [...access.groups];
	if (access.you && !parts.length && !others) {
		return t('access.onlyYou');
	}
	if (access.you) {
		parts.push(t('access.you'));
	}
	if (others > 0) {
		parts.push(t(access.you ? 'access.morePeople' : 'access.people', { n: others }));
	}
	const text = formatList(parts);
	return !parts.length ? t('access.nobody') : access.groups.length ? text : text[0]!.toUpperCase() + text.slice(1);
}
