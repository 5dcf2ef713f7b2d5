// What is shown once: a password that was made, a token.
import { useState } from 'preact/hooks';
import { t } from './i18n';
import { Button } from './ui';

/** Copies; says so on the button for a moment. */
export function CopyButton({ text, label = t('copy') }: { text: string; label?: string }) {
	const [copied, setCopied] = useState(false);
	const copy = async () => {
		await navigator.clipboard.writeText(text);
		setCopied(true);
		setTimeout(() => setCopied(false), 2000);
	};
	return (
		<Button icon={copied ? 'check' : 'copy'} onClick={copy}>
			<span aria-live="polite">{copied ? t('copied') : label}</span>
		</Button>
	);
}

export function Secret({ label, text, hint }: { label: string; text: string; hint: string }) {
	return (
		<div class="secret stack">
			<p>{hint}</p>
			<div class="row">
				<output class="grow" aria-label={label}><code>{text}</code></output>
				{navigator.clipboard && <CopyButton text={text} />}
			</div>
		</div>
	);
}
