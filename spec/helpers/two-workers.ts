// Gateways that this spec file starts as processes have two workers. Import it before anything else.
process.env.BAUTA_WORKERS = '2';
