#!/usr/bin/env node
// Where the program begins: the command line is in main.ts. In a checkout Node keeps what it made of our TypeScript, beside
// the packages: stripping the types of a hundred files costs more than everything else a start does (measured: listening
// after 220 ms instead of 510). Not while coverage is counted, which needs code that was compiled afresh.
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

if (import.meta.filename.endsWith('.ts') && !process.env.NODE_V8_COVERAGE) {
	enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/bauta', import.meta.url)));
}

const { main } = await import('./main.ts');
await main();
