import test from 'ava';
import fc from 'fast-check';
import type { HopConfig } from '../../lib/config/config.ts';
import { lineReader } from '../../lib/config/member.ts';

const http = lineReader('http');

function said(line: string, read = http): string | null {
	const member = read(line);
	if (member === null) return null;
	const hops = (member.hops as HopConfig[]).map(({ type, host, port, user, password }) => {
		return `${type} ${user ?? ''}:${password?.reveal() ?? ''} ${host} ${port}`;
	});
	return [...hops, member.weight].join();
}

test('a line is what providers write, or a URL, or a chain', (t) => {
	t.is(said('192.0.2.1:8080'), 'http : 192.0.2.1 8080,1');
	t.is(said('proxy.example:8080:user:pa:ss@#%'), 'http user:pa:ss@#% proxy.example 8080,1');
	t.is(said('user:pass@proxy.example:8080'), 'http user:pass proxy.example 8080,1');
	t.is(said('[2001:db8::1]:8080:user:pass'), 'http user:pass 2001:db8::1 8080,1');
	t.is(said('192.0.2.1:8080::'), 'http : 192.0.2.1 8080,1');
	t.is(said('192.0.2.1:9', lineReader('socks5')), 'socks5 : 192.0.2.1 9,1');
	t.is(said('socks4a://192.0.2.1:9 weight=5'), 'socks4a : 192.0.2.1 9,5');
	t.is(said('192.0.2.1:9 weight=5'), 'http : 192.0.2.1 9,5');
	t.is(said('socks5://a:1,http://b:2'), 'socks5 : a 1,http : b 2,1');
});

test('garbage is no member, and neither is a tag: a list comes from others', (t) => {
	for (const word of ['garbage', 'proxy.example', '[2001:db8::1]']) t.is(said(word, lineReader('socks5')), null, word);
	for (const line of [
		'direct',
		'pool',
		'socks5://a:1,direct',
		'192.0.2.1',
		'192.0.2.1:0',
		'192.0.2.1:65536',
		'192.0.2.1:80 US elite',
		'<!DOCTYPE html>',
		'<a href="http://192.0.2.1:80">',
		'{"ip":"192.0.2.1","port":80}',
		'192.0.2.1,80',
		'http://',
		'\0:80',
		'ftp://192.0.2.1:80',
	])
		t.is(said(line), null, line);
});

test('no line throws', (t) => {
	fc.assert(
		fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (line) => {
			for (const text of [line, `192.0.2.1:80:${line}`, `socks5://${line}`]) t.notThrows(() => http(text));
		}),
	);
});
