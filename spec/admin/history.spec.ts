import test from 'ava';
import { History } from '../../lib/admin/history.ts';
import { statusOf } from '../../lib/admin/snapshot.ts';
import { createGateway, Tally } from '../../lib/index.ts';
import { flowOf } from '../helpers/groups.ts';

function historyOf(t: { teardown(undo: () => void): void }): { tally: Tally; history: History } {
	const tally = new Tally();
	const gateway = createGateway();
	const history = new History(() => statusOf(gateway, tally, '1.2.3', null));
	t.teardown(() => history.close());
	return { tally, history };
}

test('a sample is what happened in its period, and what was open at its end', (t) => {
	const { tally, history } = historyOf(t);
	t.deepEqual(history.status(), { periodSeconds: 10, started: [], open: [], up: [], down: [], refused: [] });
	const flow = flowOf({ upBytes: 3, downBytes: 40 });
	tally.flowStarted(flow);
	tally.flowStarted(flowOf());
	history.sample();
	flow.upBytes = 5;
	flow.outcome = { cause: 'closed' };
	tally.flowEnded(flow);
	tally.dropped('listen-1', 'handshakes');
	history.sample();
	history.sample();
	t.deepEqual(history.status(), {
		periodSeconds: 10,
		started: [2, 1, 0],
		open: [2, 1, 1],
		up: [3, 2, 0],
		down: [40, 0, 0],
		refused: [0, 1, 0],
	});
});

test('an hour is kept and no more', (t) => {
	const { tally, history } = historyOf(t);
	for (let i = 0; i < 400; i++) {
		if (i === 39 || i === 40) tally.flowStarted(flowOf());
		history.sample();
	}
	const { started, periodSeconds } = history.status();
	t.is(started.length * periodSeconds, 3_600);
	t.deepEqual([started[0], started[1]], [1, 0]);
});
