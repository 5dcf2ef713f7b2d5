/** The mark over a form of whoever is not signed in. */
export function Brand({ title = 'Carrel' }: { title?: string }) {
	return (
		<div class="sign-in-head">
			<img src={document.querySelector<HTMLLinkElement>('link[rel=icon]')!.href} alt="" width="40" height="40" />
			<h1 id="sign-in-title">{title}</h1>
		</div>
	);
}
