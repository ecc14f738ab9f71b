import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { pageOf } from '../../lib/config/page.ts';
import type { Finding } from '../../lib/config/problem.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';

test('a page is its text, and what is no page is said', (t) => {
	const file = join(temporaryFolder(t), 'no.html');
	const findings: Finding[] = [];
	t.is(pageOf('', findings), null);
	writeFileSync(file, '<p>für dich');
	t.is(pageOf(file, findings), '<p>für dich');
	t.deepEqual(findings, []);
	writeFileSync(file, 'x'.repeat(65_537));
	t.is(pageOf(file, findings), null);
	t.is(pageOf(`${file}.no`, findings), null);
	t.regex(findings[0]!.message, /65536 bytes at most/);
	t.regex(findings[1]!.message, /readable file.*ENOENT/);
	t.deepEqual(findings[1]!.path, ['exit', 'page']);
});
