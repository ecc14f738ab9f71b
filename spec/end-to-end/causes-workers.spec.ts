// The same once more with two workers behind the port.
import '../helpers/two-workers.ts';
import './causes.spec.ts';
