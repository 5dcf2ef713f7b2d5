// How a place in a document is told.
import type { Box } from '../base/types';

export const headingPath = (heading: string | undefined): string => (heading ?? '').split(' > ').join(' › ');

/** Whether a page number means anything to a reader: a format without pages has one page, and no lines on it. */
export const hasPages = (at: { name?: string; page?: number; boxes?: Box[] }): boolean =>
	(at.page ?? 0) > 1 || (at.boxes ? at.boxes.length > 0 : at.page === 1 && /\.pdf$/i.test(at.name ?? ''));
