export default {
	extensions: ['ts'],
	files: ['spec/**/*.spec.ts'],
	workerThreads: false,
	nodeArguments: ['--disable-warning=ExperimentalWarning', '--expose-gc'],
	environmentVariables: { TZ: 'UTC' },
	timeout: '60s',
	concurrency: 2,
};
