// The dashboard and the alert rules, taken at their word: Prometheus itself reads the rules, scrapes a gateway that has
// carried something, and answers every question that they ask.
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { answerOf } from '../helpers/admin.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';
import { freePort, run, startProcess, until } from '../helpers/process.ts';
import { needs, program } from '../helpers/programs.ts';
import { OPEN_CONFIG, startService } from '../helpers/service-process.ts';
import { startLoad } from '../helpers/steady-load.ts';

const FOLDER = join(import.meta.dirname, '../../conf/monitoring');
const TOKEN = 'a-token-of-this-spec';
const HEADERS = { Authorization: `Bearer ${TOKEN}` };

interface Dashboard {
	readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}

/** Of a query. */
interface Answer {
	readonly status: string;
	readonly data?: { readonly result: readonly { readonly value: [number, string] }[] };
}

const DASHBOARD = JSON.parse(readFileSync(join(FOLDER, 'grafana.json'), 'utf8')) as Dashboard;

/** As Grafana fills them in. */
const QUESTIONS: readonly string[] = DASHBOARD.panels.flatMap(({ targets }) =>
	targets.map(({ expr }) => expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*')),
);

/** A gateway with load on it, and where its metrics are. */
async function busyGateway(t: ExecutionContext): Promise<string> {
	const { gateway } = await startService(t, OPEN_CONFIG, {
		args: ['--admin', '127.0.0.1:0'],
		env: { BAUTA_ADMIN__TOKEN: TOKEN },
	});
	const at = String((await gateway.record(({ msg }) => msg === 'admin listening')).address);
	const load = await startLoad(t, gateway.port, 2);
	await until(
		'load',
		() => load.done,
		(done) => done > 20,
	);
	await load.stop();
	return at;
}

/** A folder with the files of conf/monitoring, for a gateway at `at`. */
function configured(t: ExecutionContext, at: string): string {
	const folder = temporaryFolder(t);
	copyFileSync(join(FOLDER, 'alerts.yml'), join(folder, 'alerts.yml'));
	writeFileSync(join(folder, 'token'), TOKEN);
	const text = readFileSync(join(FOLDER, 'prometheus.yml'), 'utf8');
	writeFileSync(join(folder, 'prometheus.yml'), text.replaceAll('127.0.0.1:9090', at).replace('15s', '1s'));
	return folder;
}

const checked = needs(test, 'promtool');

checked('promtool finds nothing wrong with the configuration and its rules', async (t) => {
	const folder = configured(t, '127.0.0.1:9090');
	const { code, stdout, stderr } = await run(t, program('promtool'), [
		'check',
		'config',
		join(folder, 'prometheus.yml'),
	]);
	t.is(code, 0, stderr);
	t.regex(stdout.toString(), /SUCCESS: 8 rules found/);
});

checked('promtool finds nothing wrong with the metrics', async (t) => {
	const { text } = await answerOf(await busyGateway(t), '/metrics', { headers: HEADERS });
	const { code, stdout, stderr } = await run(t, program('promtool'), ['check', 'metrics'], Buffer.from(text));
	t.deepEqual([code, stdout.toString(), stderr], [0, '', '']);
});

needs(test, 'prometheus')(
	'Prometheus scrapes a gateway, and has an answer to all that the dashboard asks',
	async (t) => {
		const at = await busyGateway(t);
		const folder = configured(t, at);
		const port = await freePort();
		startProcess(t, program('prometheus'), [
			`--config.file=${join(folder, 'prometheus.yml')}`,
			`--storage.tsdb.path=${join(folder, 'data')}`,
			`--web.listen-address=127.0.0.1:${port}`,
			'--log.level=error',
		]);
		const asked = async (expr: string): Promise<Answer | null> =>
			(await answerOf(`127.0.0.1:${port}`, `/api/v1/query?query=${encodeURIComponent(expr)}`)).json as never;
		const numberOf = async (expr: string): Promise<string | undefined> =>
			asked(expr).then(
				// Before it is ready Prometheus answers, and not in JSON.
				(answer) => answer?.data?.result[0]?.value[1],
				() => undefined,
			);
		await until(
			'two scrapes',
			() => numberOf('count_over_time(bauta_build_info[1m])'),
			(count) => Number(count) >= 2,
		);
		t.true(Number(await numberOf('sum(bauta_connections_total{result="closed"})')) > 20);
		for (const question of QUESTIONS) t.is((await asked(question))?.status, 'success', question);
		// What is asked for by name is there: a family that is empty on a quiet gateway has its help.
		const { text } = await answerOf(at, '/metrics', { headers: HEADERS });
		const questions = [...QUESTIONS, readFileSync(join(FOLDER, 'alerts.yml'), 'utf8')].join('\n');
		for (const [name] of questions.matchAll(/\b(?:bauta|process)_[a-z_]+\b/g)) {
			const family = name.replace(/_(bucket|sum|count)$/, '');
			t.true(text.includes(`# HELP ${family} `), name);
		}
		const firing = await answerOf(`127.0.0.1:${port}`, '/api/v1/alerts');
		t.deepEqual((firing.json as { data: { alerts: unknown[] } }).data.alerts, []);
	},
);
