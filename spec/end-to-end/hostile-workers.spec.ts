// The same once more with two workers behind the port.
import '../helpers/two-workers.ts';
import './hostile.spec.ts';
