// The dashboard and the alert rules, taken at their word: Prometheus itself reads the rules, scrapes a gateway that has
// carried something, and answers every question that they ask.
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { answerOf } from '../helpers/admin.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';
import { startMiniHop } from '../helpers/mini-hops.ts';
import { freePort, run, startProcess, until } from '../helpers/process.ts';
import { needs, program } from '../helpers/programs.ts';
import { OPEN_CONFIG, startService } from '../helpers/service-process.ts';
import { startLoad } from '../helpers/steady-load.ts';
import { refusingPort } from '../helpers/tcp-origins.ts';

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

/** A group of which one exit is dead, too few for an alert, and sources to leave from. */
async function poolConfig(t: ExecutionContext): Promise<string> {
	const [alive, dead] = [await startMiniHop(t, 'socks5'), await refusingPort()];
	const exits = [...['a', 'b', 'c', 'd'].map((user) => `${user}:x@127.0.0.1:${alive.port}`), `127.0.0.1:${dead}`];
	const members = exits.map((exit) => `"socks5://${exit}"`);
	const group = `[[group]]\ntag = "pool"\nstrategy = "round-robin"\neject.after = 1\nmembers = [${members.join()}]`;
	return `${OPEN_CONFIG}\n[egress]\nsource = ["127.0.0.16/29"]\n${group}\n`;
}

/** A gateway with load on it, and where its metrics are. */
async function busyGateway(t: ExecutionContext): Promise<string> {
	const { gateway } = await startService(t, await poolConfig(t), {
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
	t.regex(stdout.toString(), /SUCCESS: 11 rules found/);
});

/** Alerts, and samples by which each fires: one a minute, of an instance `i`. */
const FIRES: Readonly<Record<string, readonly [series: string, values: string][]>> = {
	BautaDown: [['up{job="bauta",instance="i"}', '0x30']],
	BautaReloadRefused: [['bauta_config_last_reload_successful{instance="i"}', '1x5 0x30']],
	BautaBug: [['bauta_bugs_total{instance="i"}', '0x20 1x20']],
	BautaExitFails: [
		['bauta_exit_failed_total{instance="i",outbound="x"}', '0+60x40'],
		['bauta_exit_opened_total{instance="i",outbound="x"}', '0+30x40'],
	],
	BautaFull: [
		['bauta_connections_limit{instance="i"}', '100x40'],
		['bauta_connections_open{instance="i"}', '95x40'],
	],
	BautaFewDescriptors: [
		['process_open_fds{job="bauta",instance="i"}', '900x40'],
		['process_max_fds{job="bauta",instance="i"}', '1024x40'],
	],
	BautaLate: [['bauta_event_loop_delay_seconds{instance="i",percentile="99"}', '0.5x40']],
	BautaRedisDown: [['bauta_redis_up{instance="i"}', '1x10 0x30']],
	BautaGroupDown: [
		['bauta_group_members{instance="i",group="g",state="open"}', '2x10 0x30'],
		['bauta_group_members{instance="i",group="g",state="half-open"}', '0x40'],
		['bauta_group_members{instance="i",group="g",state="ejected"}', '0x10 2x30'],
	],
	BautaGroupWorn: [
		['bauta_group_members{instance="i",group="g",state="open"}', '6x40'],
		['bauta_group_members{instance="i",group="g",state="ejected"}', '4x40'],
	],
	BautaSourceRests: [['bauta_source_resting{instance="i",outbound="direct",source="s"}', '1x40']],
};

checked('each alert fires when it should, and none on a gateway that is well', async (t) => {
	const rules = join(FOLDER, 'alerts.yml');
	const names = [...readFileSync(rules, 'utf8').matchAll(/alert: (\w+)/g)].map(([, name]) => name!);
	t.deepEqual(names.toSorted(), Object.keys(FIRES).toSorted());
	const query = (name: string): string => `count(ALERTS{alertname="${name}",alertstate="firing"})`;
	const tests = names.map((name) => ({
		interval: '1m',
		input_series: FIRES[name]!.map(([series, values]) => ({ series, values })),
		promql_expr_test: [{ expr: query(name), eval_time: '35m', exp_samples: [{ labels: '{}', value: 1 }] }],
	}));
	const well = [
		['bauta_group_members{instance="i",group="g",state="open"}', '9x40'],
		['bauta_group_members{instance="i",group="g",state="half-open"}', '0x40'],
		['bauta_group_members{instance="i",group="g",state="ejected"}', '1x40'],
		['bauta_redis_up{instance="i"}', '1x40'],
		['bauta_source_resting{instance="i",outbound="direct",source="s"}', '0x40'],
		['up{job="bauta",instance="i"}', '1x40'],
	] as const;
	const quiet = {
		interval: '1m',
		input_series: well.map(([series, values]) => ({ series, values })),
		promql_expr_test: [{ expr: 'ALERTS', eval_time: '35m', exp_samples: [] }],
	};
	const file = join(temporaryFolder(t), 'tests.json');
	writeFileSync(file, JSON.stringify({ rule_files: [rules], evaluation_interval: '1m', tests: [...tests, quiet] }));
	const { code, stdout, stderr } = await run(t, program('promtool'), ['test', 'rules', file]);
	t.is(code, 0, `${stdout.toString()}${stderr}`);
});

checked('promtool finds nothing wrong with the metrics', async (t) => {
	const { text } = await answerOf(await busyGateway(t), '/metrics', { headers: HEADERS });
	const { code, stdout, stderr } = await run(t, program('promtool'), ['check', 'metrics'], Buffer.from(text));
	t.deepEqual([code, stdout.toString(), stderr], [0, '', '']);
	// The page about them lists each of ours, and no other.
	const page = readFileSync(join(FOLDER, '../../docs/admin.md'), 'utf8');
	const listed = new Set([...page.matchAll(/`(bauta_[a-z_]+)/g)].map(([, name]) => name!));
	const there = new Set([...text.matchAll(/^# HELP (bauta_[a-z_]+) /gm)].map(([, name]) => name!));
	t.deepEqual([...listed].toSorted(), [...there].toSorted());
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
