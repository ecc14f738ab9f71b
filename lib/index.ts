// What an application imports from 'bauta'.
export type { Config, ConfigInput } from './config/config.ts';
export { loadConfig } from './config/load.ts';
export { ConfigError } from './config/problem.ts';
export { resolveConfig } from './config/resolve.ts';
export type { Client } from './core/client.ts';
export { type Code, GatewayError, type Phase, type Side } from './core/error.ts';
export type { Flow, Outcome, Protocol } from './core/flow.ts';
export type { Credentials } from './core/intent.ts';
export type { LimitsMode, Observer } from './core/observer.ts';
export { Secret } from './core/secret.ts';
export type { Target } from './core/target.ts';
export type { Hooks } from './flow/serve-deps.ts';
export {
	createGateway,
	type Decision,
	type Exit,
	type Gateway,
	type GatewayOptions,
	type GatewayState,
} from './gateway.ts';
export { type HandedSocket, ListenError } from './io/listen.ts';
export type { ListStatus } from './lists.ts';
export { createLog, type Log, type LogOptions } from './observe/log.ts';
export { type Family, Metrics, type MetricsOptions, type Sample } from './observe/metrics.ts';
export { observers } from './observe/observers.ts';
export { type ConnectionCount, type ExitCount, Tally } from './observe/tally.ts';
