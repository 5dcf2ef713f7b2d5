// What a person drops, picks or pastes, as files with the path that they have in their folder.

export interface Found { file: File; name: string }

// Marks that turn the direction of what follows, or are not seen: a name could look like another (ingest/name.c takes them
// out too).
const shown = (name: string): string => name.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, '') || 'unnamed';

/** What systems and programs leave in folders, and nobody means to bring along. */
const isLitter = (name: string): boolean => /^(\..*|~\$.*|thumbs\.db|desktop\.ini|icon\r)$/i.test(name);
const inLitter = (path: string): boolean => path.split('/').some(isLitter);

function readAll(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
	const all: FileSystemEntry[] = [];
	return new Promise((done, fail) => {
		// Chromium gives a hundred at a time; an empty list is the end.
		const more = () => reader.readEntries((part) => (part.length ? (all.push(...part), more()) : done(all)), fail);
		more();
	});
}

async function walk(entry: FileSystemEntry, path: string, found: Found[]): Promise<void> {
	if (isLitter(entry.name)) {
		return;
	}
	const name = path + entry.name;
	if (entry.isFile) {
		const file = await new Promise<File>((done, fail) => (entry as FileSystemFileEntry).file(done, fail)).catch(() => null);
		if (file) {
			found.push({ file, name: shown(name) });
		}
		return;
	}
	const entries = await readAll((entry as FileSystemDirectoryEntry).createReader());
	entries.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
	for (const one of entries) {
		await walk(one, `${name}/`, found);
	}
}

/** Of a drop: folders with all that is in them. To be called while the event is handled. */
export async function droppedFiles(data: DataTransfer): Promise<Found[]> {
	const entries = [...data.items].map((item) => (item.kind === 'file' ? item.webkitGetAsEntry() : null));
	const plain = [...data.files];
	const found: Found[] = [];
	for (const entry of entries) {
		if (entry) {
			await walk(entry, '', found);
		}
	}
	return found.length || entries.some(Boolean) ? found : pickedFiles(plain);
}

/** Of a file input or the clipboard. */
export const pickedFiles = (files: Iterable<File>): Found[] =>
	[...files].map((file) => ({ file, name: shown(file.webkitRelativePath || file.name) })).filter(({ name }) => !inLitter(name));

export const hasFiles = (data: DataTransfer | null): boolean => !!data && [...data.types].includes('Files');

/** Lets a person pick files, or a whole folder. */
export function pickFiles(folder = false): Promise<Found[]> {
	return new Promise((done) => {
		const input = document.createElement('input');
		input.type = 'file';
		input.multiple = true;
		input.webkitdirectory = folder;
		input.onchange = () => done(pickedFiles(input.files ?? []));
		input.oncancel = () => done([]);
		input.click();
	});
}

// A file dropped beside a place that takes it would replace the page by itself.
for (const type of ['dragover', 'drop'] as const) {
	addEventListener(type, (e) => {
		if (!e.defaultPrevented && hasFiles(e.dataTransfer)) {
			e.preventDefault();
			e.dataTransfer!.dropEffect = 'none';
		}
	});
}
