// Line icons on a 20-unit grid, drawn for Carrel; decorative: the button or link says what it is.
const paths = {
	plus: 'M10 4v12M4 10h12',
	send: 'M10 16V5M5 9.5 10 4.5l5 5',
	stop: 'M6 6h8v8H6z',
	close: 'M5 5l10 10M15 5 5 15',
	menu: 'M3 6h14M3 10h14M3 14h14',
	search: 'M9 14A5 5 0 1 0 9 4a5 5 0 0 0 0 10ZM13 13l4 4',
	library: 'M4 4h3v12H4zM8.5 4h3v12h-3zM13 4.6l2.8-.7 2 11.6-2.8.7z',
	settings: 'M4 6h7M15 6h1M4 10h1M9 10h7M4 14h7M15 14h1M13 4.5v3M7 8.5v3M13 12.5v3',
	user: 'M10 10a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM4 17c.6-3.2 3-5 6-5s5.400 1.800 6 5',
	users: 'M8 10a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM2.500 16.500c.500-3 2.700-4.500 5.500-4.500s5 1.500 5.500 4.500M13.500 4.300a3 3 0 0 1 0 5.400M15 12.300c1.500.600 2.300 2 2.600 4.200',
	chevronLeft: 'M12 5l-5 5 5 5',
	chevronRight: 'M8 5l5 5-5 5',
	chevronDown: 'M5 8l5 5 5-5',
	chevronUp: 'M5 12l5-5 5 5',
	copy: 'M7 7h9v9H7zM13 7V4H4v9h3',
	check: 'M4 10.500l4 4 8-9',
	refresh: 'M16 10a6 6 0 1 1-1.800-4.300M16 3v3.500h-3.500',
	edit: 'M4 16l.8-3.500L13 4.300l2.700 2.700-8.200 8.200zM11.500 5.800l2.700 2.700',
	trash: 'M4 6h12M8 6V4h4v2M5.500 6l.7 10h7.600l.7-10M8.500 9v4.500M11.500 9v4.500',
	upload: 'M10 13V4M6 7.500 10 3.500l4 4M4 13v3h12v-3',
	download: 'M10 4v9M6 9.500l4 4 4-4M4 16h12',
	file: 'M5 3h6.500L15 6.500V17H5zM11.500 3v3.500H15',
	folder: 'M3 5h5l1.500 2H17v9H3z',
	lock: 'M5 9h10v7H5zM7 9V6.500a3 3 0 0 1 6 0V9',
	eye: 'M3 10s2.500-5 7-5 7 5 7 5-2.500 5-7 5-7-5-7-5ZM10 12a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z',
	eyeOff: 'M3 10s2.500-5 7-5 7 5 7 5-2.500 5-7 5-7-5-7-5ZM4 16 16 4',
	more: 'M5 10h.01M10 10h.01M15 10h.01',
	info: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM10 9.500v4M10 6.700v.1',
	warning: 'M10 3.500 17 16H3zM10 8.500v3.500M10 14v.1',
	zoomIn: 'M9 14A5 5 0 1 0 9 4a5 5 0 0 0 0 10ZM13 13l4 4M9 7v4M7 9h4',
	zoomOut: 'M9 14A5 5 0 1 0 9 4a5 5 0 0 0 0 10ZM13 13l4 4M7 9h4',
	external: 'M8 4H4v12h12v-4M11 4h5v5M16 4l-7 7',
	clip: 'M14.500 9.500l-5 5a3 3 0 0 1-4.300-4.300l6-6a2 2 0 0 1 2.900 2.900l-5.700 5.700a1 1 0 0 1-1.400-1.400l5-5',
	keyboard: 'M3 6h14v8H3zM6 9h.01M9 9h.01M12 9h.01M15 9h.01M7 11.500h6',
	share: 'M7 11.500a2.500 2.500 0 1 0-2.500-2.500M13 8a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5ZM13 17a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5ZM7 9l4-2.300M7 11l4 2.300',
	logout: 'M8 4H4v12h4M12 6.500 15.500 10 12 13.500M15.500 10H8',
	chart: 'M4 16V9M8.500 16V5M13 16v-5M17 16H3',
	key: 'M7 16a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7ZM9.500 10 16 3.500M13 6.500l2.500 2.500',
	globe: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM3 10h14M10 3c2 2 3 4.300 3 7s-1 5-3 7c-2-2-3-4.300-3-7s1-5 3-7Z',
	heart: 'M3 10h3l2-5 3.500 10 2-5H17',
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
	return (
		<svg class="icon" width={size} height={size} viewBox="0 0 20 20" aria-hidden="true" focusable="false">
			<path d={paths[name]} />
		</svg>
	);
}
