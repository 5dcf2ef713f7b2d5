// How a place in a document is told: in what its makers count in, by their own labels where they gave some.
import { t } from './i18n';
import type { At, Unit } from './types';

/** "Prices!A2:F9" is the sheet and its cells; either may be missing. */
export function splitCells(place: string): { name: string; cells: string } {
	const [, name = '', cells = ''] = /^(?:(.*)!)?([A-Z]+\d+(?::[A-Z]+\d+)?)$/s.exec(place) ?? [];
	return cells ? { name, cells } : { name: place, cells: '' };
}

function sheetText(n: number, place: string): string {
	const { name, cells } = splitCells(place);
	const sheet = name ? t('where.sheet', { name }) : t('where.n.sheet', { n });
	return cells ? t('where.cells', { sheet, cells }) : sheet;
}

/** "slide 3", "sheet Prices, A2:F9", "page iv", "pages 3–5"; '' where its document has no pages. */
export function whereText(at: At, last?: number): string {
	const { page, place = '', unit } = at;
	if (!unit || !page) {
		return '';
	}
	if (unit === 'sheet') {
		return sheetText(page, place);
	}
	if (place && (unit === 'page' || unit === 'chapter')) {
		return t(`where.${unit}`, { name: place });
	}
	return last && last > page ? t(`where.range.${unit}`, { from: page, to: last }) : t(`where.n.${unit}`, { n: page });
}

/** "12 slides"; '' where there is nothing to count. */
export const countText = (n: number, unit: Unit | 'none' | null | undefined): string => (n && unit && unit !== 'none' ? t(`where.count.${unit}`, { n }) : '');

/** As the beginning of a sentence. */
export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
