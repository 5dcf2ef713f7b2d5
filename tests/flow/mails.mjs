// Mails with files inside, made on the spot.

/** A mail as bytes. files: [{ name, content, type }]; content of another mail() nests. */
export function mail({ subject = 'Offer', text = 'See what is attached.', from = 'rosa@example.com', to = 'emil@example.com', files = [] }) {
	const boundary = `b-${subject.replace(/[^a-z0-9]/gi, '')}-${files.length}`;
	const parts = [`--${boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${text.replace(/\n/g, '\r\n')}\r\n`];
	for (const { name, content, type = 'application/octet-stream' } of files) {
		const base64 = Buffer.from(content).toString('base64').replace(/.{76}/g, '$&\r\n');
		parts.push(`--${boundary}\r\nContent-Type: ${type}; name="${name}"\r\nContent-Disposition: attachment; filename="${name}"\r\n` +
			`Content-Transfer-Encoding: base64\r\n\r\n${base64}\r\n`);
	}
	return Buffer.from(`From: Rosa <${from}>\r\nTo: Emil <${to}>\r\nSubject: ${subject}\r\nDate: Mon, 02 Mar 2026 09:00:00 +0000\r\n` +
		`Message-ID: <${boundary}@example.com>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="${boundary}"\r\n\r\n${parts.join('')}--${boundary}--\r\n`);
}
