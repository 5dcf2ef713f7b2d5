// One table of texts: key -> [English, Chinese, German]. {name} stands for a value; "one|many" is chosen by {n}.
import { signal } from '@preact/signals';
import { table } from '../strings';

export type Lang = 'en' | 'zh' | 'de';
export const LANGS: Lang[] = ['en', 'zh', 'de'];
export const LANG_NAMES: Record<Lang, string> = { en: 'English', zh: '中文', de: 'Deutsch' };

function wished(): Lang {
	const kept = localStorage.getItem('carrel.lang');
	const all = [kept, ...navigator.languages].map((tag) => tag?.slice(0, 2).toLowerCase());
	return (all.find((tag) => LANGS.includes(tag as Lang)) as Lang) ?? 'en';
}

export const lang = signal<Lang>(wished());
lang.subscribe((value) => (document.documentElement.lang = value === 'zh' ? 'zh-Hans' : value));

export function setLang(value: Lang): void {
	localStorage.setItem('carrel.lang', value);
	lang.value = value;
}

/** The text of a key in the reader's language; the key itself if there is none. */
export function t(key: string, values: Record<string, string | number> = {}): string {
	const row = table[key];
	if (!row) {
		return key;
	}
	let text = row[LANGS.indexOf(lang.value)] ?? row[0];
	const forms = text.split('|');
	if (forms.length === 2 && typeof values.n === 'number') {
		text = forms[new Intl.PluralRules(lang.value).select(values.n) === 'one' ? 0 : 1]!;
	}
	return text.replace(/\{(\w+)\}/g, (whole, name) => {
		const value = values[name];
		return value === undefined ? whole : typeof value === 'number' ? formatNumber(value) : value;
	});
}

// ── numbers, sizes, times ──

/** The language with the reader's own region, where the browser names one: en-GB writes dates as en-US does not. */
export const locale = (): string => navigator.languages.find((tag) => tag.startsWith(`${lang.value}-`)) ?? lang.value;

export const formatNumber = (n: number, digits = 0): string =>
	new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(n);

export function formatBytes(n: number): string {
	const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'];
	let i = 0;
	for (; n >= 1000 && i < units.length - 1; i++) {
		n /= 1000;
	}
	return new Intl.NumberFormat(locale(), { style: 'unit', unit: units[i], unitDisplay: i ? 'short' : 'long', maximumFractionDigits: n < 10 && i ? 1 : 0 }).format(n);
}

export const formatDate = (ms: number): string => new Intl.DateTimeFormat(locale(), { dateStyle: 'medium' }).format(ms);
export const formatTime = (ms: number): string => new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'short' }).format(ms);
export const formatClock = (ms: number): string => new Intl.DateTimeFormat(locale(), { timeStyle: 'short' }).format(ms);

/** "Today", "Yesterday", "14 November": the heading of a day in a list. */
export function formatDay(ms: number): string {
	const start = (at: number) => new Date(at).setHours(0, 0, 0, 0);
	const days = Math.round((start(ms) - start(Date.now())) / 86400000);
	if (days > -2) {
		const text = new Intl.RelativeTimeFormat(lang.value, { numeric: 'auto' }).format(days, 'day');
		return text[0]!.toUpperCase() + text.slice(1);
	}
	const sameYear = new Date(ms).getFullYear() === new Date().getFullYear();
	return new Intl.DateTimeFormat(locale(), { day: 'numeric', month: 'long', ...(sameYear ? {} : { year: 'numeric' }) }).format(ms);
}

export const formatList = (items: string[]): string => new Intl.ListFormat(lang.value, { type: 'conjunction' }).format(items);
