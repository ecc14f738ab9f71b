// What origins plant, through a whole gateway: the kinds that the operator chose go, both ways, and spared targets are left
// alone. What each kind is, line by line, is in anonymity/removal.spec.ts.
import test from 'ava';
import { startGateway } from '../helpers/gateway-process.ts';
import { run } from '../helpers/process.ts';
import { needs, program } from '../helpers/programs.ts';
import { startRawOrigin } from '../helpers/raw-origin.ts';

const PLANTS =
	'HTTP/1.1 200 OK\r\nETag: "7"\r\nX-One: 1\r\nSet-Cookie: a=7\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nETag: "7"\r\nX-Two: 2\r\n\r\n';
const CLEAN = 'HTTP/1.1 200 OK\r\nX-One: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-Two: 2\r\n\r\n';

const CONFIG = `exit = { allow_private = true, ports = "all" }
[anonymity.response]
remove = ["validators", "cookies"]
spare = ["=localhost"]
`;

needs(test, 'curl')('kinds of planted fields go from responses and requests, and spared names keep all', async (t) => {
	const origin = await startRawOrigin(t, () => ({ bytes: PLANTS }));
	const gateway = await startGateway(t, [], { config: CONFIG });
	const visit = async (host: string): Promise<string> => {
		const fields = ['Cookie: b=7', 'If-None-Match: "7"', 'X-Own: 1'].flatMap((field) => ['-H', field]);
		const url = `http://${host}:${origin.port}/`;
		const { stdout } = await run(t, program('curl'), [
			'-sSi',
			'--raw',
			'--noproxy',
			'',
			'-x',
			gateway.address,
			...fields,
			url,
		]);
		return stdout.toString();
	};
	t.is(await visit('127.0.0.1'), CLEAN);
	t.is(await visit('localhost'), PLANTS);
	const [cleaned, whole] = origin.connections.map((bytes) => bytes.toString());
	t.regex(cleaned!, /\r\nX-Own: 1\r\n/);
	t.notRegex(cleaned!, /cookie|match/i);
	t.regex(whole!, /\r\nCookie: b=7\r\nIf-None-Match: "7"\r\n/);
});
