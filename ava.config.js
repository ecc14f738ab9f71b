export default {
	extensions: ['ts'],
	files: [
		'spec/**/*.spec.ts',
		// The Tor network of its own takes half a minute to come up: `npm run test:tor`.
		'!spec/end-to-end/tor.spec.ts',
		// They build packages, look at them for half a minute, and boot a system: `npm run test:deb`, `npm run test:boot`.
		'!spec/packaging/deb.spec.ts',
		'!spec/packaging/container.spec.ts',
		'!spec/packaging/boot.spec.ts',
	],
	workerThreads: false,
	nodeArguments: ['--disable-warning=ExperimentalWarning', '--expose-gc'],
	environmentVariables: { TZ: 'UTC' },
	timeout: '60s',
	concurrency: 2,
};
