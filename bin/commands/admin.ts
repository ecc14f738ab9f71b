// The commands that ask a gateway which runs: status, exits, reload, upgrade, drain.
import { createInterface } from 'node:readline';
import { styleText } from 'node:util';
import type { MemberStatus } from '../../lib/admin/members.ts';
import type { ExitStatus, LimitsStatus, Status, WatchedSource } from '../../lib/admin/snapshot.ts';
import { AdminClient, type Place } from '../admin-client.ts';
import { bytesText, durationText, table } from '../table.ts';

type Values = Place & { readonly json?: boolean };

/** Prints the status; with `watch` again each second, until it is interrupted or the gateway ends. */
export async function status(values: Values & { readonly watch?: boolean }): Promise<void> {
	const client = await AdminClient.of(values);
	if (!values.watch) return say(values, await client.get<Status>('/v1/status'), (now) => statusLines(now, null));
	let before: Status | null = null;
	for await (const line of createInterface({ input: await client.open('/v1/events') })) {
		if (!line.startsWith('data: ')) continue;
		const now = JSON.parse(line.slice('data: '.length)) as Status;
		const lines = values.json ? [JSON.stringify(now)] : statusLines(now, before);
		const clear = process.stdout.isTTY && !values.json ? '\u001b[H\u001b[2J' : '';
		process.stdout.write(`${clear}${lines.join('\n')}\n`);
		before = now;
	}
}

/** Prints the ways out with what is worth a look of each group; with `group` all of that one. */
export async function exits(group: string | undefined, values: Values): Promise<void> {
	const client = await AdminClient.of(values);
	if (group !== undefined) return say(values, await membersOf(client, group), memberLines);
	say(values, await client.get<ExitStatus[]>('/v1/exits'), (all) => [...exitLines(all), ...poolLines(all)]);
}

interface Members {
	readonly total: number;
	readonly members: readonly MemberStatus[];
}

/** All of them, asked for as many times as it takes. */
async function membersOf(client: AdminClient, group: string): Promise<MemberStatus[]> {
	const all: MemberStatus[] = [];
	for (;;) {
		const page = `/v1/members?group=${encodeURIComponent(group)}&from=${all.length}`;
		const { total, members } = await client.get<Members>(page);
		all.push(...members);
		if (members.length === 0 || all.length >= total) return all;
	}
}

export async function reload(values: Values): Promise<void> {
	const { listening } = await (await AdminClient.of(values)).post<{ listening: string[] }>('/v1/reload');
	console.log(`in force, listening on ${listening.join(', ')}`);
}

export async function upgrade(values: Values): Promise<void> {
	await (await AdminClient.of(values)).post('/v1/upgrade');
	console.log('a new process serves, the old one drains');
}

export async function drain(values: Values & { readonly deadline?: string }): Promise<void> {
	const { deadline } = values;
	const client = await AdminClient.of(values);
	const { flows } = await client.post<{ flows: number }>('/v1/drain', deadline === undefined ? {} : { deadline });
	console.log(`draining, ${flows} connections open`);
}

function say<T>({ json }: Values, answer: T, lines: (answer: T) => readonly string[]): void {
	console.log(json ? JSON.stringify(answer) : lines(answer).join('\n'));
}

function statusLines(now: Status, before: Status | null): string[] {
	const { flows, bytes } = now;
	const rate = (value: number, was: number | undefined): string =>
		was === undefined ? '' : `, ${bytesText(Math.max(0, value - was))}/s`;
	const perSecond = before ? `, ${Math.max(0, flows.ended - before.flows.ended)} ended in the last second` : '';
	const reloaded = now.reload ? `, last reload ${now.reload.ok ? 'applied' : 'REFUSED'} ${now.reload.at}` : '';
	const causes = Object.entries(flows.endedByCause).sort(([, a], [, b]) => b - a);
	return [
		`bauta ${now.version}  ${now.state}, up ${durationText(now.uptimeSeconds)}${reloaded}`,
		`listening on ${now.listening.join(', ') || 'nothing'}`,
		`connections  ${flows.open} open, ${flows.ended} ended${perSecond}`,
		`bytes        up ${bytesText(bytes.up)}${rate(bytes.up, before?.bytes.up)}, down ${bytesText(bytes.down)}${rate(bytes.down, before?.bytes.down)}`,
		'',
		...exitLines(now.exits),
		...poolLines(now.exits),
		...sourceLines(now.sources),
		'',
		...limitLines(now.limits),
		'',
		...workerLines(now.workers),
		...(causes.length === 0 ? ['nothing has ended yet'] : table(['ended by', 'count'], causes)),
	];
}

function exitLines(all: readonly ExitStatus[]): string[] {
	const rows = all.map(({ tag, type, default: isDefault, open, opened, failed, dialSeconds }) => [
		isDefault ? `${tag} *` : tag,
		type,
		open,
		opened,
		failed,
		dialText(dialSeconds),
	]);
	return table(['way out', 'type', 'open', 'opened', 'failed', 'dial'], rows);
}

function dialText(seconds: number | null): string {
	return seconds === null ? '-' : `${Math.round(seconds * 1_000)} ms`;
}

function poolLines(all: readonly ExitStatus[]): string[] {
	return all.flatMap(({ tag, members }) => {
		if (members === null) return [];
		const { total, open, ejected, halfOpen, shown } = members;
		const counts = `${tag}: ${total} exits, ${open} open, ${ejected} ejected, ${halfOpen} half-open`;
		const some = shown.length < total ? `; of these ${shown.length}, all by \`bauta exits ${tag}\`` : '';
		return ['', `${counts}${some}`, ...memberLines(shown)];
	});
}

function memberLines(members: readonly MemberStatus[]): string[] {
	const all = members.reduce((sum, { opened }) => sum + opened, 0);
	const rows = members.map(({ name, state, restsSeconds, dialSeconds, open, opened, failed, failedBy }) => [
		name,
		state === 'ejected' ? `ejected, ${durationText(restsSeconds)}` : state,
		open,
		opened,
		all === 0 ? '-' : `${Math.round((opened / all) * 100)} %`,
		dialText(dialSeconds),
		failed,
		causesText(failedBy),
	]);
	return table(['exit', 'state', 'open', 'opened', 'share', 'dial', 'failed', 'by'], rows);
}

/** The three that came most often. */
function causesText(failedBy: Readonly<Record<string, number>>): string {
	const causes = Object.entries(failedBy).sort(([, a], [, b]) => b - a);
	return causes
		.slice(0, 3)
		.map(([why, count]) => `${why} ${count}`)
		.join(', ');
}

function sourceLines(sources: readonly WatchedSource[]): string[] {
	if (sources.length === 0) return [];
	const rows = sources.map(({ tag, source, addresses, open, rests }) => [
		source,
		tag,
		addresses,
		open,
		rests ? 'none of its addresses does' : '',
	]);
	return ['', ...table(['source', 'way out', 'addresses', 'open', ''], rows)];
}

function workerLines(workers: Status['workers']): string[] {
	if (workers.length === 0) return [];
	const rows = workers.map(({ index, pid, state, flows, restarts }) => [index, pid, state, flows, restarts]);
	return [...table(['worker', 'pid', 'state', 'open', 'restarts'], rows), ''];
}

function limitLines({ mode, refused }: LimitsStatus): string[] {
	const word = mode === 'shared' || mode === 'local' ? mode : styleText('yellow', mode);
	const rows = Object.entries(refused);
	return [
		`limits are kept ${word}`,
		...(rows.length === 0 ? ['nobody was refused'] : table(['refused by', 'count'], rows)),
	];
}
