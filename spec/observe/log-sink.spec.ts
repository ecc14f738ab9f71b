import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import { LogSink } from '../../lib/observe/log-sink.ts';
import { openFifo, readAll } from '../helpers/fifo.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';

const lines = (count: number, from = 0): string[] =>
	Array.from({ length: count }, (_, i) => `line ${from + i} ${'ä'.repeat(50)}\n`);

test('writes lines that come close together at once, in order', async (t) => {
	const path = join(temporaryFolder(t), 'log');
	const sink = new LogSink(openSync(path, 'w'));
	for (const line of lines(3)) sink.write(line);
	t.is(readFileSync(path, 'utf8'), '');
	while (readFileSync(path, 'utf8') === '') await turn();
	t.is(readFileSync(path, 'utf8'), lines(3).join(''));
});

test('writes at once when the process ends', (t) => {
	const path = join(temporaryFolder(t), 'log');
	const sink = new LogSink(openSync(path, 'w'));
	sink.write('last words\n');
	sink.flush(0);
	t.is(readFileSync(path, 'utf8'), 'last words\n');
});

test('keeps what a full pipe does not take, and loses not a byte of it', (t) => {
	const fifo = openFifo(t);
	const sink = new LogSink(fifo.writer);
	const written = lines(3_000);
	for (const line of written) sink.write(line);
	const read: Buffer[] = [];
	for (let i = 0; i < 10; i++) {
		sink.flush(0);
		read.push(readAll(fifo));
	}
	t.true(Buffer.concat(read).equals(Buffer.from(written.join(''))));
});

test('does not wait for a reader that stalls, and bounds what it keeps for it', (t) => {
	const fifo = openFifo(t);
	const sink = new LogSink(fifo.writer);
	const line = `${'x'.repeat(1_023)}\n`;
	for (let i = 0; i < 10_000; i++) {
		sink.write(line);
		if (i % 100 === 0) sink.flush(0);
	}
	let bytes = 0;
	for (let i = 0; i < 40; i++) {
		sink.flush(0);
		bytes += readAll(fifo).length;
	}
	const kept = bytes / line.length;
	t.true(Number.isInteger(kept), 'a line was cut');
	t.true(kept >= 1_024 && kept <= 1_024 + 300, `${kept} lines were kept`);
});

test('tells how many lines were lost once there is room again', async (t) => {
	const fifo = openFifo(t);
	const sink = new LogSink(fifo.writer);
	const told = new Promise<number>((resolve) => {
		sink.onDropped = resolve;
	});
	for (let i = 0; i < 2_048; i++) sink.write(`${'x'.repeat(1_023)}\n`);
	const reading = setInterval(() => readAll(fifo), 5);
	t.teardown(() => clearInterval(reading));
	t.is(await told, 1_024);
});

test('goes on without a reader that has gone', (t) => {
	const fifo = openFifo(t);
	const sink = new LogSink(fifo.writer);
	closeSync(fifo.reader);
	sink.write('to nobody\n');
	t.notThrows(() => sink.flush(60_000));
	sink.write('to nobody\n');
	t.notThrows(() => sink.flush(60_000));
});

test('where others write, too, what a full pipe takes of it are whole lines', (t) => {
	const fifo = openFifo(t);
	const sink = new LogSink(fifo.writer, { shared: true });
	const written = [...lines(400), `${'x'.repeat(6_000)}\n`, `${'ä'.repeat(1_900)}\n`, ...lines(1_000, 400)];
	for (const line of written) sink.write(line);
	let read = '';
	for (let i = 0; i < 10; i++) {
		sink.flush(0);
		const piece = String(readAll(fifo));
		t.true(piece === '' || piece.endsWith('\n'));
		read += piece;
	}
	t.is(read, written.join(''));
});
