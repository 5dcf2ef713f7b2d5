// The dock at the lower right: how uploads stand, whatever view is shown.
import { useEffect, useState } from 'preact/hooks';
import { t } from '../base/i18n';
import { Icon, type IconName } from '../base/icons';
import { link, place } from '../base/router';
import { Button, IconButton, Progress, toastError } from '../base/ui';
import { Offer } from './offer';
import { cancelAll, cancelUpload, forget, heldUntil, isOpen, mayRetry, retryUpload, revision, type Upload, type UploadState, uploads } from './upload';
import { baseName, folderOf, reasonText, stageText } from './words';

const ICONS: Record<UploadState, IconName> = {
	waiting: 'file', sending: 'upload', working: 'refresh', done: 'check', duplicate: 'copy', failed: 'warning', cancelled: 'stop',
};

/** How one stands, in words: "Uploading 43 %", "Extracting page 37 of 212". */
export function uploadText(u: Upload): string {
	switch (u.state) {
		case 'sending':
			return u.sent >= u.size ? t('upload.sent') : t('upload.sending', { percent: Math.floor((100 * u.sent) / u.size) });
		case 'working':
			return stageText(u.job!);
		case 'done':
			return t(u.receipt?.arrival === 'version' ? 'upload.newVersion' : 'upload.done');
		case 'failed':
			return reasonText(u.reason, u.message);
		case 'cancelled':
			return u.reason ? reasonText(u.reason, u.message) : t('upload.cancelled');
		default:
			return t(`upload.${u.state}`);
	}
}

/** 0 to 1: half of it is the way to the server, half is reading. */
function part(u: Upload): number {
	if (u.state === 'sending') {
		return u.size ? (0.5 * u.sent) / u.size : 0;
	}
	const { stage = '', done = 0, total = 0 } = u.job ?? {};
	const stages = ['extract', 'chunk', 'embed', 'publish'];
	return u.state === 'working' ? 0.5 + 0.125 * Math.max(0, stages.indexOf(stage) + (total ? done / total : 0)) : isOpen(u) ? 0 : 1;
}

function Row({ u }: { u: Upload }) {
	void revision.value; // u is the same object all the way; what is in it changes
	const name = baseName(u.name);
	return (
		<li class={`upload ${u.state}`}>
			<Icon name={ICONS[u.state]} />
			<div class="grow">
				<div class="clip" title={u.name}>
					{folderOf(u.name) && <span class="muted"><bdi>{folderOf(u.name)}</bdi></span>}
					{u.receipt ? <a href={link('document', u.receipt.documentId)}><bdi>{name}</bdi></a> : <bdi>{name}</bdi>}
				</div>
				<div class="upload-state">{uploadText(u)}</div>
				{(u.state === 'sending' || u.state === 'working') && <Progress label={name} value={part(u)} max={1} />}
			</div>
			{mayRetry(u) && <IconButton icon="refresh" label={t('upload.retryOne', { name })} onClick={() => void retryUpload(u)} />}
			{isOpen(u) && <IconButton icon="close" label={t('upload.cancelOne', { name })} onClick={() => cancelUpload(u).catch(toastError)} />}
		</li>
	);
}

/** Those of one kind, the first of them shown and the others counted: a thousand rows would freeze the page. */
function Some({ of, limit, more }: { of: Upload[]; limit: number; more: string }) {
	return (
		<>
			{of.slice(0, limit).map((u) => <Row key={u.n} u={u} />)}
			{of.length > limit && <li class="upload-more muted">{t(more, { n: of.length - limit })}</li>}
		</>
	);
}

function Held() {
	const [now, setNow] = useState(Date.now());
	useEffect(() => {
		const timer = setInterval(() => setNow(Date.now()), 500);
		return () => clearInterval(timer);
	}, []);
	const n = Math.ceil((heldUntil.value - now) / 1000);
	return n > 0 ? <p class="upload-held">{t('upload.held', { n })}</p> : null;
}

function Dock({ all }: { all: readonly Upload[] }) {
	const [folded, setFolded] = useState(false);
	const open = all.filter(isOpen);
	const failed = all.filter((u) => u.state === 'failed');
	const done = all.filter((u) => !isOpen(u) && u.state !== 'failed');
	const active = open.filter((u) => u.state !== 'waiting');
	const waiting = open.filter((u) => u.state === 'waiting');
	const value = all.reduce((sum, u) => sum + part(u), 0);
	const summary = open.length ? t('upload.busy', { done: all.length - open.length, n: all.length }) : t('upload.allDone', { n: done.filter((u) => u.state !== 'cancelled').length });
	return (
		<section class={folded ? 'dock folded' : 'dock'} aria-label={t('upload.title')}>
			<header>
				<div class="grow">
					<h2>{t('upload.title')}</h2>
					<p class="muted small">
						{summary}
						{failed.length > 0 && <span class="upload-bad"> · {t('upload.failed', { n: failed.length })}</span>}
					</p>
				</div>
				<IconButton icon={folded ? 'chevronUp' : 'chevronDown'} label={t(folded ? 'upload.unfold' : 'upload.fold')} aria-expanded={!folded} onClick={() => setFolded(!folded)} />
				{!open.length && <IconButton icon="close" label={t('close')} onClick={() => forget()} />}
			</header>
			{open.length > 0 && <Progress label={summary} value={value} max={all.length} />}
			<Held />
			{!folded && (
				<ul>
					<Some of={failed} limit={30} more="upload.moreFailed" />
					<Some of={active} limit={20} more="upload.moreWaiting" />
					<Some of={waiting} limit={8} more="upload.moreWaiting" />
					<Some of={done.slice().reverse()} limit={12} more="upload.moreDone" />
				</ul>
			)}
			{!folded && (
				<footer class="row end">
					{failed.filter(mayRetry).length > 1 && <Button kind="quiet" onClick={() => failed.filter(mayRetry).forEach((u) => void retryUpload(u))}>{t('upload.retryAll')}</Button>}
					{open.length > 1 && <Button kind="quiet" title={t('upload.stopAllSure')} onClick={() => void cancelAll()}>{t('upload.stopAll')}</Button>}
					{open.length === 0 && <Button kind="quiet" onClick={() => forget()}>{t('upload.clear')}</Button>}
				</footer>
			)}
			<span class="read-only-aloud" role="status">{open.length ? '' : summary}</span>
		</section>
	);
}

export function Uploads() {
	// What belongs to a conversation is shown there.
	const all = uploads().filter((u) => !u.target.conversationId);
	const view = place.value.path[0];
	useEffect(() => {
		// Who goes from the documents to something else has seen that all is in; the dock would lie over what is written there.
		if (view !== 'library' && view !== 'document' && all.every((u) => u.state === 'done' || u.state === 'duplicate')) {
			forget((u) => !u.target.conversationId);
		}
	}, [view]);
	return (
		<>
			{all.length > 0 && <Dock all={all} />}
			<Offer />
		</>
	);
}
