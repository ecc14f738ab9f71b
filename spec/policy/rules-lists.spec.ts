// Rules about content, asked as the gateway asks them: before, when an address is known, and when an answer has come.
import test from 'ava';
import type { ExitPolicy, Subject } from '../../lib/policy/exit-policy.ts';
import { atOnce, compileList } from '../../lib/policy/list.ts';
import { LiveList } from '../../lib/policy/list-condition.ts';
import { policy, resolved, to, word } from '../helpers/exit-policies.ts';

function live(tag: string, ...lines: string[]): LiveList {
	const list = new LiveList(tag);
	list.current = atOnce(compileList(Buffer.from(lines.join('\n'))));
	return list;
}

const ads = (): LiveList =>
	live('ads', '||ads.example.com^', '@@||ok.ads.example.com^', '/^ad\\d/', '45.1.0.0/16', '@@45.1.9.9');

const get = (host: string, path = '/', method = 'GET'): Subject => to(host, 80, { request: { method, path } });

/** What becomes of the answer to a request that was let go. */
function answered(judge: ExitPolicy, subject: Subject, ...types: string[]): string {
	const verdict = judge.judge(subject);
	if (!verdict.allow) return 'asked in vain';
	const reports: string[] = [];
	const error = judge.judgeAnswer({ subject, awaiting: verdict.awaiting }, types, (rule) => reports.push(rule));
	return [error?.code ?? 'passes', ...reports].join(' ');
}

test('a name is refused that a list has, unless one of the lists of the rule excepts it', (t) => {
	const [list, mine] = [ads(), live('mine', '@@||spare.ads.example.com^')];
	const lists = new Map([list, mine].map((each) => [each.tag, each]));
	const judge = policy({ lists, rules: [{ action: 'deny', lists: ['ads', 'mine'] }] });
	for (const name of ['ads.example.com', 'x.ads.example.com', 'ad7.example.org'])
		t.like(judge.judge(to(name)), {
			allow: false,
			rule: 'rule-1',
			error: { code: 'http_request_denied', note: 'filter' },
		});
	for (const name of ['example.com', 'ok.ads.example.com', 'x.spare.ads.example.com'])
		t.is(word(judge.judge(to(name))), 'allow');
	t.deepEqual([list.hits, mine.hits], [3, 0]);
});

test('an address is refused as a literal, behind a name, and inside IPv6', (t) => {
	const list = ads();
	const judge = policy({ lists: new Map([['ads', list]]), rules: [{ action: 'deny', lists: ['ads'] }] });
	t.is(word(judge.judge(to('45.1.2.3'))), 'http_request_denied');
	t.is(word(judge.judge(to('64:ff9b::2d01:203'))), 'http_request_denied');
	t.is(word(judge.judge(to('45.1.9.9'))), 'allow');
	t.is(word(judge.judge(to('45.2.2.3'))), 'allow');
	t.is(list.hits, 2);
	const www = to('www.example.com');
	t.is(word(judge.judge(www)), 'allow');
	t.is(resolved(judge, www, '45.1.2.3'), 'http_request_denied');
	t.is(resolved(judge, www, '45.1.9.9'), 'allow');
	t.is(resolved(judge, to('ok.ads.example.com'), '45.1.2.3'), 'allow', 'the name is excepted');
	t.is(list.hits, 3);
});

test('an allow by list goes before the deny below it, and opens nothing', (t) => {
	const lists = new Map([
		['school', live('school', '||school.example.com^', '10.0.0.0/8')],
		['bad', live('bad', '||x.school.example.com^')],
	]);
	const judge = policy({
		lists,
		rules: [
			{ action: 'allow', lists: ['school'], users: ['kid'] },
			{ action: 'deny', users: ['kid'] },
			{ action: 'deny', lists: ['bad'] },
		],
	});
	t.is(word(judge.judge(to('x.school.example.com', 443, { user: 'kid' }))), 'allow');
	t.is(word(judge.judge(to('x.school.example.com'))), 'http_request_denied');
	t.is(word(judge.judge(to('example.org', 443, { user: 'kid' }))), 'allow', 'its address may be listed');
	t.is(resolved(judge, to('example.org', 443, { user: 'kid' }), '45.1.2.3'), 'http_request_denied');
	t.is(word(judge.judge(to('10.1.2.3', 443, { user: 'kid' }))), 'destination_ip_prohibited');
	t.is(word(judge.judge(to('school.example.com', 25, { user: 'kid' }))), 'http_request_denied', 'the port');
});

test('a list can name a way out', (t) => {
	const judge = policy({
		lists: new Map([['far', live('far', 'example.com', '45.1.0.0/16')]]),
		rules: [{ action: 'allow', lists: ['far'], route: 'tor' }],
	});
	t.like(judge.judge(to('www.example.com')), { allow: true, route: 'tor' });
	t.like(judge.judge(to('www.example.org')), { allow: true, route: null });
	t.is(resolved(judge, to('www.example.org'), '45.1.2.3'), 'http_request_denied', 'it would go another way');
});

test('what a list is swapped for counts at once', (t) => {
	const list = live('ads', 'example.com');
	const judge = policy({ lists: new Map([['ads', list]]), rules: [{ action: 'deny', lists: ['ads'] }] });
	t.is(word(judge.judge(to('example.com'))), 'http_request_denied');
	list.current = live('', 'example.net', '45.1.0.0/16').current;
	t.is(word(judge.judge(to('example.com'))), 'allow');
	t.is(word(judge.judge(to('example.net'))), 'http_request_denied');
	t.is(resolved(judge, to('example.com'), '45.1.1.1'), 'http_request_denied');
});

test('a rule that reports lets pass what a deny would refuse, and the rules below it are asked', (t) => {
	const list = ads();
	const judge = policy({
		lists: new Map([['ads', list]]),
		rules: [
			{ action: 'report', lists: ['ads'] },
			{ action: 'deny', names: ['bad.ads.example.com'] },
		],
	});
	t.like(judge.judge(to('ads.example.com')), { allow: true, reports: ['rule-1'], rule: null });
	t.is(word(judge.judge(to('bad.ads.example.com'))), 'http_request_denied');
	const reports: string[] = [];
	t.is(
		judge.judgeAddress(to('www.example.com'), 0x2d010203, (rule) => reports.push(rule)),
		null,
	);
	t.deepEqual([reports, list.hits], [['rule-1'], 3]);
});

test('where the policy only reports, lists do too', (t) => {
	const judge = policy({
		mode: 'report',
		lists: new Map([['ads', ads()]]),
		rules: [{ action: 'deny', lists: ['ads'] }],
	});
	t.like(judge.judge(to('ads.example.com')), { allow: true, reports: ['rule-1'] });
});

test('methods and paths are of plain HTTP, and no other protocol meets such a rule', (t) => {
	const judge = policy({
		rules: [
			{ action: 'deny', methods: ['POST'] },
			{ action: 'deny', paths: ['/admin/'] },
		],
	});
	t.is(word(judge.judge(get('example.com', '/', 'POST'))), 'http_request_denied');
	t.is(word(judge.judge(get('example.com', '/x/../admin/'))), 'http_request_denied');
	t.is(word(judge.judge(get('example.com'))), 'allow');
	t.is(word(judge.judge(to('example.com'))), 'allow');
	t.is(word(judge.judgeClient(to('example.com'))), 'allow');
});

test('an answer is refused by its media type, unless a rule above has let the request go', (t) => {
	const judge = policy({
		rules: [
			{ action: 'allow', names: ['films.example.com'] },
			{ action: 'report', types: ['audio/*'] },
			{ action: 'deny', types: ['video/*'] },
			{ action: 'deny', names: ['example.net'] },
		],
	});
	t.is(answered(judge, get('example.com'), 'video/mp4'), 'http_request_denied');
	t.is(answered(judge, get('45.1.2.3'), 'video/mp4'), 'http_request_denied');
	t.is(answered(judge, get('example.com'), 'audio/ogg'), 'passes rule-2');
	t.is(answered(judge, get('example.com'), 'text/html'), 'passes');
	t.is(answered(judge, get('example.com')), 'passes');
	t.is(answered(judge, get('films.example.com'), 'video/mp4'), 'passes');
	t.is(answered(judge, get('example.net'), 'video/mp4'), 'asked in vain');
	t.is(answered(judge, to('example.com'), 'video/mp4'), 'passes', 'a tunnel has no answers');
});

test('media types of a list are about what is listed', (t) => {
	const list = live('films', 'example.com', '45.1.0.0/16');
	const judge = policy({
		lists: new Map([['films', list]]),
		rules: [{ action: 'deny', lists: ['films'], types: ['video/*'] }],
	});
	t.is(answered(judge, get('www.example.com'), 'video/mp4'), 'http_request_denied');
	t.is(answered(judge, get('www.example.org'), 'video/mp4'), 'passes');
	t.is(answered(judge, get('45.1.2.3'), 'video/mp4'), 'http_request_denied');
	t.is(list.hits, 2);
});

test('a list that is not there is a mistake of whoever made the rules', (t) => {
	t.throws(() => policy({ rules: [{ action: 'deny', lists: ['none'] }] }), { message: /no list/ });
});
