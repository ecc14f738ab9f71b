// Gateways that this spec file starts, here or in processes of their own, use node's streams. Import it before anything else.
process.env.BAUTA_IO__NATIVE = 'false';
