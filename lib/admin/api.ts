// The table of what the admin listener answers. `open` routes say nothing that anybody may not know; `unsafe` ones change
// something and are asked by POST with a JSON body.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseDuration } from '../config/values.ts';
import { parseIp } from '../core/ip.ts';
import { type Target, targetOfHost } from '../core/target.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Subject } from '../policy/exit-policy.ts';
import { wireText } from '../policy/wire-text.ts';
import { AdminError } from './admin-error.ts';
import { invalid, readJson, textOf } from './body.ts';
import { Events } from './events.ts';
import { History } from './history.ts';
import { pageRoutes } from './page.ts';
import type { Status, Watched } from './snapshot.ts';
import type { View } from './view.ts';

/** What the admin listener looks at and what it can have done. */
export interface AdminDeps {
	readonly gateway: Pick<Watched, 'state' | 'addresses' | 'liveFlows'> & { decide(subject: Subject): object };
	readonly view: View;
	readonly metrics: Pick<Metrics, 'text' | 'contentType'>;
	/** Reads the configuration again. Resolves to what is wrong with it, a line each; to nothing when it is in force. */
	reload(): Promise<readonly string[]>;
	/** Starts a process that takes over. Resolves to why it did not; to nothing when it serves and this one drains. */
	upgrade(): Promise<readonly string[]>;
	/** Begins to drain, with the configuration's deadline unless there is one. */
	drain(deadlineMs: number | null): void;
}

export interface Route {
	readonly method: 'GET' | 'POST';
	/** Nobody has to show anything. */
	readonly open?: boolean;
	answer(request: IncomingMessage, response: ServerResponse): unknown;
}

/** Answers of a route: JSON of what it gives back, unless that is undefined: then it has answered itself. */
export type Routes = ReadonlyMap<string, Route>;

/** The table, by path, and what ends with it. */
export interface Api {
	readonly routes: Routes;
	/** Ends every event stream. */
	close(): void;
}

/** Of one admin listener; begins to keep its history. */
export function routesOf(deps: AdminDeps): Api {
	const { gateway, view } = deps;
	const events = new Events(() => view.status());
	const history = new History(() => view.status());
	const now = (pick: (status: Status) => object): Route => ({
		method: 'GET',
		answer: async () => {
			await view.look?.();
			return pick(view.status());
		},
	});
	const routes: Record<string, Route> = {
		...pageRoutes(),
		'/healthz': { method: 'GET', open: true, answer: (_, response) => text(response, 200, 'ok\n') },
		'/readyz': { method: 'GET', open: true, answer: (_, response) => ready(response, gateway) },
		'/metrics': { method: 'GET', answer: (_, response) => metrics(response, deps.metrics) },
		'/v1/status': now((status) => status),
		'/v1/flows': now(({ flows }) => flows),
		'/v1/exits': now(({ exits }) => exits),
		'/v1/members': { method: 'GET', answer: (request) => members(request, view) },
		'/v1/sources': now(({ sources }) => sources),
		'/v1/workers': now(({ workers }) => workers),
		'/v1/limits': now(({ limits }) => limits),
		'/v1/history': { method: 'GET', answer: () => history.status() },
		'/v1/events': { method: 'GET', answer: (_, response) => events.stream(response) },
		'/v1/route': { method: 'POST', answer: async (request) => gateway.decide(subjectOf(await readJson(request))) },
		'/v1/reload': { method: 'POST', answer: (request) => reload(request, deps) },
		'/v1/upgrade': { method: 'POST', answer: (request) => upgrade(request, deps) },
		'/v1/drain': { method: 'POST', answer: (request) => drain(request, deps) },
	};
	const close = (): void => {
		events.close();
		history.close();
	};
	return { routes: new Map(Object.entries(routes)), close };
}

function text(response: ServerResponse, status: number, body: string): void {
	response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(body);
}

function ready(response: ServerResponse, { state }: AdminDeps['gateway']): void {
	if (state === 'serving') text(response, 200, 'ready\n');
	else text(response, 503, `${state}\n`);
}

async function metrics(response: ServerResponse, source: AdminDeps['metrics']): Promise<void> {
	const body = await source.text();
	response.writeHead(200, { 'Content-Type': source.contentType }).end(body);
}

/** The members of `group`, from number `from` on. */
async function members({ url = '' }: IncomingMessage, view: View): Promise<object> {
	const query = new URLSearchParams(url.split('?')[1]);
	const from = Number(query.get('from') ?? 0);
	if (!Number.isSafeInteger(from) || from < 0) throw invalid('a number for from');
	const found = await view.members(query.get('group') ?? '', from);
	if (found === null) throw new AdminError('not_found', 'no such group');
	return found;
}

/** What only a gateway that serves can be asked. */
async function whileServing(request: IncomingMessage, { gateway }: AdminDeps): Promise<void> {
	await readJson(request);
	if (gateway.state !== 'serving') throw new AdminError('conflict', `the gateway is ${gateway.state}`);
}

async function upgrade(request: IncomingMessage, deps: AdminDeps): Promise<object> {
	await whileServing(request, deps);
	const problems = await deps.upgrade();
	if (problems.length > 0) throw new AdminError('upgrade_failed', 'this process serves on', problems);
	return { ok: true };
}

async function reload(request: IncomingMessage, deps: AdminDeps): Promise<object> {
	await whileServing(request, deps);
	const problems = await deps.reload();
	if (problems.length > 0) throw new AdminError('invalid_configuration', 'nothing has changed', problems);
	return { ok: true, listening: deps.gateway.addresses };
}

async function drain(request: IncomingMessage, deps: AdminDeps): Promise<object> {
	const deadline = textOf(await readJson(request), 'deadline');
	const parsed = deadline === undefined ? null : parseDuration(deadline);
	if (parsed && 'wrong' in parsed) throw invalid('a deadline such as "30s"');
	deps.drain(parsed?.value ?? null);
	return { state: 'draining', flows: deps.gateway.liveFlows };
}

/** Who asks for what: `target` as HOST:PORT, and `client`, `user` and `inbound` where rules are about them. */
function subjectOf(body: Readonly<Record<string, unknown>>): Subject {
	const ip = parseIp(textOf(body, 'client') ?? '127.0.0.1');
	if (ip === null) throw invalid('an address for client');
	const user = textOf(body, 'user');
	const inbound = textOf(body, 'inbound') ?? 'listen-1';
	return {
		client: { ip, key: '', network: null },
		user: user === undefined ? null : wireText(user),
		inbound,
		target: targetOf(textOf(body, 'target') ?? ''),
	};
}

function targetOf(authority: string): Target {
	const match = /^(\[[^\]]*\]|[^:]*):(\d{1,5})$/.exec(authority);
	const port = Number(match?.[2]);
	const target = match && port > 0 && port < 65_536 ? targetOfHost(match[1] as string, port) : null;
	if (target === null) throw invalid('a target such as "example.com:443"');
	return target;
}
