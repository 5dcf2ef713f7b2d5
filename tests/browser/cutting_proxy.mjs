// A TCP proxy that a test may cut: between the browser and the server.
import net from 'node:net';

/** { url, cut(), down: boolean, delayed(bytes) } */
export async function startProxy(to) {
	const sockets = new Set();
	const { hostname, port } = new URL(to);
	const proxy = { down: false };
	const server = net.createServer((client) => {
		if (proxy.down) {
			client.destroy();
			return;
		}
		const upstream = net.connect(Number(port), hostname);
		client.setNoDelay(true);
		upstream.setNoDelay(true);
		for (const [a, b] of [[client, upstream], [upstream, client]]) {
			sockets.add(a);
			a.on('data', (bytes) => proxy.swallow?.(bytes, a === client) || b.write(bytes));
			a.on('error', () => {});
			a.on('close', () => (sockets.delete(a), b.destroy()));
		}
	});
	await new Promise((done) => server.listen(0, '127.0.0.1', done));
	proxy.url = `http://127.0.0.1:${server.address().port}`;
	proxy.cut = () => sockets.forEach((s) => s.destroy());
	proxy.close = () => new Promise((done) => (server.close(done), proxy.cut()));
	return proxy;
}
