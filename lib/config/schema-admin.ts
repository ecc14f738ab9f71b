// The keys of [admin] and [reload].
import { z } from 'zod';
import type { Secret } from '../core/secret.ts';
import type { AdminListen, ConfigInput, ReloadConfig } from './config.ts';
import { key, name, text } from './schema-key.ts';
import { parseToken } from './secret-file.ts';
import { parseAdminListen } from './values.ts';

/** `[admin]` as it is written, before the token's file is read. */
export interface AdminSection {
	readonly listen: AdminListen;
	readonly token: Secret | null;
	readonly token_file: string;
	readonly hosts: readonly string[];
}

export const admin: z.ZodType<AdminSection, ConfigInput['admin']> = z
	.strictObject({
		listen: key(
			text(parseAdminListen),
			'',
			'under systemd a socket in the runtime folder, /run/bauta/admin.sock, else nowhere; a path, "127.0.0.1:9090" or "off"',
		),
		token: key(text(parseToken), '', 'none: a socket is for its owner alone; over TCP there must be one'),
		token_file: key(z.string(), '', 'none; else a file that holds the token and nothing else'),
		hosts: key(
			z.array(name()),
			[],
			'called by an address or "localhost" alone, so that no web page gets there under a name of its own',
		),
	})
	.prefault({})
	.meta({ description: 'status, metrics and control: what `bauta status`, `reload` and `drain` speak to' });

export const reload: z.ZodType<ReloadConfig, ConfigInput['reload']> = z
	.strictObject({
		watch: key(
			z.boolean(),
			false,
			'a change counts when you say so: `bauta reload`, SIGHUP; true: when a file changes',
		),
	})
	.prefault({})
	.meta({ description: 'when the configuration is read again' });
