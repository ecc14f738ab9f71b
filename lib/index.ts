// What an application imports from 'bauta'.
export type { Config, ConfigInput } from './config/config.ts';
export { loadConfig } from './config/load.ts';
export { ConfigError } from './config/problem.ts';
export { resolveConfig } from './config/resolve.ts';
export type { Client } from './core/client.ts';
export { type Code, GatewayError, type Phase, type Side } from './core/error.ts';
export type { Flow, Outcome, Protocol } from './core/flow.ts';
export type { Credentials } from './core/intent.ts';
export type { Observer } from './core/observer.ts';
export { Secret } from './core/secret.ts';
export type { Target } from './core/target.ts';
export type { Hooks } from './flow/serve.ts';
export { createGateway, type Gateway, type GatewayOptions } from './gateway.ts';
export { ListenError } from './io/listen.ts';
export { createLog, type Log, type LogOptions } from './observe/log.ts';
