// A password's field: shows what is typed on demand, and says when Caps Lock is on.
import { useId, useState } from 'preact/hooks';
import { t } from '../base/i18n';
import { IconButton } from '../base/ui';

export const PASSWORD_MIN = 10; // chat/accounts.h

interface Props { label: string; value: string; onValue: (value: string) => void; isNew?: boolean; hint?: string; autofocus?: boolean }

export function PasswordField({ label, value, onValue, isNew, hint, autofocus }: Props) {
	const [shown, setShown] = useState(false);
	const [caps, setCaps] = useState(false);
	const id = useId();
	const noteCaps = (e: KeyboardEvent) => setCaps(e.getModifierState?.('CapsLock') ?? false);
	return (
		<div class="field">
			<label for={id}><span>{label}</span></label>
			<div class="password">
				<input
					id={id}
					name={isNew ? 'new-password' : 'password'}
					type={(shown ? 'text' : 'password') as 'password'}
					autocomplete={isNew ? 'new-password' : 'current-password'}
					autocapitalize="off"
					spellcheck={false}
					autofocus={autofocus}
					required
					minLength={isNew ? PASSWORD_MIN : undefined}
					aria-describedby={`${id}-hint`}
					value={value}
					onInput={(e) => onValue(e.currentTarget.value)}
					onKeyDown={noteCaps}
					onKeyUp={noteCaps}
					onBlur={() => setCaps(false)}
				/>
				<IconButton icon={shown ? 'eyeOff' : 'eye'} label={t(shown ? 'password.hide' : 'password.show')} aria-pressed={shown} onClick={() => setShown(!shown)} />
			</div>
			<small id={`${id}-hint`} role="status">{caps ? <span class="caps">{t('password.caps')}</span> : hint}</small>
		</div>
	);
}
