export default {
	extensions: ['ts'],
	// The Tor network of its own takes half a minute to come up: `npm run test:tor`.
	files: ['spec/**/*.spec.ts', '!spec/end-to-end/tor.spec.ts'],
	workerThreads: false,
	nodeArguments: ['--disable-warning=ExperimentalWarning', '--expose-gc'],
	environmentVariables: { TZ: 'UTC' },
	timeout: '60s',
	concurrency: 2,
};
