import { scryptSync } from 'node:crypto';
import test from 'ava';
import { hashPassword, isPassword, type PasswordHash, parsePasswordHash } from '../../lib/policy/password-hash.ts';

function unpadded(bytes: Buffer): string {
	return bytes.toString('base64').replaceAll('=', '');
}

/** As any other program would write it. */
function line(password: string, ln = 4, salt: Buffer = Buffer.alloc(16, 7)): string {
	const hash = scryptSync(password, salt, 32, { N: 2 ** ln, r: 8, p: 1 });
	return `$scrypt$ln=${ln},r=8,p=1$${unpadded(salt)}$${unpadded(hash)}`;
}

test('a new hash holds its password and no other, and has its own salt', async (t) => {
	const [one, two] = await Promise.all([hashPassword('pässword'), hashPassword('pässword')]);
	t.not(one, two);
	t.regex(one, /^\$scrypt\$ln=15,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
	const hash = parsePasswordHash(one) as PasswordHash;
	t.true(await isPassword(Buffer.from('pässword', 'utf8'), hash));
	t.false(await isPassword(Buffer.from('passwort', 'utf8'), hash));
	t.false(await isPassword(Buffer.alloc(0), hash));
});

test('reads what another program made', async (t) => {
	const hash = parsePasswordHash(line('secret')) as PasswordHash;
	t.like(hash, { ln: 4, r: 8, p: 1 });
	t.true(await isPassword(Buffer.from('secret'), hash));
	t.false(await isPassword(Buffer.from('Secret'), hash));
	t.false(await isPassword(Buffer.from('secret\0'), hash), 'scrypt alone would say yes');
});

const SALT = 'BwcHBwcHBwcHBwcHBwcHBw';
const HASH = 'A'.repeat(43);

for (const [i, text] of [
	'',
	'secret',
	'$scrypt$',
	`scrypt$ln=4,r=8,p=1$${SALT}$${HASH}`,
	`$bcrypt$ln=4,r=8,p=1$${SALT}$${HASH}`,
	`$scrypt$r=8,ln=4,p=1$${SALT}$${HASH}`,
	`$scrypt$ln=4,r=8,p=1$${SALT}`,
	`$scrypt$ln=4,r=8,p=1$${SALT}$${HASH}$`,
	`$scrypt$ln=4,r=8,p=1$${SALT}$${HASH}\n`,
	`$scrypt$ln=0,r=8,p=1$${SALT}$${HASH}`,
	`$scrypt$ln=4,r=0,p=1$${SALT}$${HASH}`,
	`$scrypt$ln=4,r=8,p=0$${SALT}$${HASH}`,
	`$scrypt$ln=99,r=8,p=1$${SALT}$${HASH}`,
	`$scrypt$ln=20,r=8,p=1$${SALT}$${HASH}`,
	`$scrypt$ln=4,r=8,p=99$${SALT}$${HASH}`,
	`$scrypt$ln=4,r=8,p=1$${SALT}==$${HASH}`,
	`$scrypt$ln=4,r=8,p=1$short$${HASH}`,
	`$scrypt$ln=4,r=8,p=1$${SALT}$short`,
	`$scrypt$ln=4,r=8,p=1$${SALT}$${'A'.repeat(200)}`,
].entries()) {
	test(`refuses what is no hash: ${i + 1}`, (t) => {
		const problem = parsePasswordHash(text);
		if (typeof problem !== 'string') return t.fail();
		t.regex(problem, /^expected /);
		t.false(problem.includes(HASH));
	});
}

test('the largest cost that is accepted can be computed', async (t) => {
	const hash = parsePasswordHash(`$scrypt$ln=18,r=8,p=1$${SALT}$${HASH}`);
	t.true(typeof hash === 'object' && !(await isPassword(Buffer.from('x'), hash)));
});
