// What was typed and not yet sent, by conversation, so that nothing loses it: not a refresh, a crash, or a server that is away.
export interface Draft {
	text: string;
	/** The Idempotency-Key of this very text, once it was tried to send it. */
	key?: string;
	collections?: string[];
}

const nameOf = (talk: string) => `carrel.draft.${talk}`;

export function readDraft(talk: string): Draft {
	try {
		return { text: '', ...JSON.parse(localStorage.getItem(nameOf(talk)) ?? '{}') };
	} catch {
		return { text: '' };
	}
}

export function keepDraft(talk: string, draft: Draft): void {
	try {
		if (draft.text || draft.collections?.length) {
			localStorage.setItem(nameOf(talk), JSON.stringify(draft));
		} else {
			localStorage.removeItem(nameOf(talk));
		}
	} catch {
		// the storage is full or forbidden: the text is still on the page
	}
}
