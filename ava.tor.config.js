import config from './ava.config.js';

export default { ...config, files: ['spec/end-to-end/tor.spec.ts'] };
