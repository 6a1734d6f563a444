import assert from 'node:assert/strict';
import { test } from 'node:test';
import live from '../dist/recorder/liveEvents.js';

const STREAM = ': heartbeat\n\nevent: hello\ndata: {"number": 7}\n\nid: 8\nevent: ended\ndata: {"model":\ndata:  "é"}\n\ndata: unnamed\n\n';

async function eventsOf(pieces) {
	const found = [];
	for await (const event of live.eventsOf((async function* () { yield* pieces; })())) found.push(event);
	return found;
}

const WHOLE = [
	{ name: 'hello', data: '{"number": 7}' },
	{ name: 'ended', data: '{"model": "é"}', id: 8 },
	{ name: 'message', data: 'unnamed' },
];

test('events are read, and heartbeats are none', async () => {
	assert.deepEqual(await eventsOf([Buffer.from(STREAM)]), WHOLE);
});

test('wherever the network cuts the stream, also inside a character, the events are the same', async () => {
	const bytes = Buffer.from(STREAM);
	for (let cut = 1; cut < bytes.length; cut++) {
		assert.deepEqual(await eventsOf([bytes.subarray(0, cut), bytes.subarray(cut)]), WHOLE, `cut at ${cut}`);
	}
	assert.deepEqual(await eventsOf([...bytes].map((byte) => Buffer.from([byte]))), WHOLE);
});

test('an event that the end of the connection cut off is none', async () => {
	assert.deepEqual(await eventsOf(['event: ended\nid: 9\ndata: {"mod']), []);
});
