// A view that takes what is dropped or pasted on it.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from '../base/icons';
import { toastError } from '../base/ui';
import { droppedFiles, type Found, hasFiles, pickedFiles } from './files';

export function DropZone({ label, onFiles, children, class: more }: { label: string; onFiles: (found: Found[]) => void; children: ComponentChildren; class?: string }) {
	const [over, setOver] = useState(false);
	const depth = useRef(0); // dragenter and dragleave come for every element that is crossed
	const end = () => {
		depth.current = 0;
		setOver(false);
	};
	useEffect(() => {
		const paste = (e: ClipboardEvent) => {
			const found = pickedFiles(e.clipboardData?.files ?? []);
			if (found.length && !document.querySelector('dialog[open]')) {
				e.preventDefault();
				onFiles(found);
			}
		};
		addEventListener('paste', paste);
		return () => removeEventListener('paste', paste);
	}, [onFiles]);
	return (
		<div
			class={more}
			onDragEnter={(e) => hasFiles(e.dataTransfer) && (e.preventDefault(), depth.current++, setOver(true))}
			onDragOver={(e) => hasFiles(e.dataTransfer) && (e.preventDefault(), (e.dataTransfer!.dropEffect = 'copy'))}
			onDragLeave={(e) => hasFiles(e.dataTransfer) && --depth.current <= 0 && end()}
			onDrop={(e) => {
				if (hasFiles(e.dataTransfer)) {
					e.preventDefault();
					end();
					droppedFiles(e.dataTransfer!).then(onFiles, toastError);
				}
			}}
		>
			{children}
			{over && (
				<div class="drop-here">
					<p><Icon name="upload" size={32} />{label}</p>
				</div>
			)}
		</div>
	);
}
