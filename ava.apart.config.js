import config from './ava.config.js';

// Those that `npm test` leaves out: `ava --config ava.apart.config.js FILE`.
const files = config.files.filter((file) => file.startsWith('!')).map((file) => file.slice(1));

export default { ...config, files, timeout: '4m' };
