// The same once more upon node's streams, as on a machine without native calls.
import '../helpers/streams-only.ts';
import './curl-matrix.spec.ts';
