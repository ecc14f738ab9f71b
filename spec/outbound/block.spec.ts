import test from 'ava';
import { Block } from '../../lib/outbound/block.ts';
import { failureOf } from '../helpers/dial.ts';

test('refuses whatever is routed to it', async (t) => {
	const block = new Block();
	t.like(block, { type: 'block', tag: 'block', namesTravel: false });
	t.like(await failureOf(block.dial()), { code: 'http_request_denied', phase: 'policy', side: 'gateway', retry: 'no' });
	t.is(new Block({ tag: 'nowhere' }).tag, 'nowhere');
});
