import assert from 'node:assert/strict';
import { test } from 'node:test';
import matches from '../dist/recorder/matches.js';

const PLACE = { address: 'http://recorder.test', apiKey: '', readerToken: '' };

/** A recorder whose pages are `pages`, in turn. */
function asking(...pages) {
	const asked = [];
	const httpRequest = async ({ url }) => {
		asked.push(url);
		return { statusCode: 200, body: pages.shift() };
	};
	return { asked, helpers: { httpRequest } };
}

async function matchesSince(recorder, event, more = {}) {
	return matches.matchesSince(recorder, PLACE, { event, seconds: 10, filters: {}, ...more }, 5, 9);
}

test('what matches comes oldest first, from every page', async () => {
	const recorder = asking({ exchanges: [{ number: 9 }, { number: 8 }], next: '/exchanges.json?before=8' }, { exchanges: [{ number: 6 }] });
	assert.deepEqual(await matchesSince(recorder, 'any'), { entries: [{ number: 6 }, { number: 8 }, { number: 9 }], upTo: 9 });
	assert.equal(recorder.asked[1], 'http://recorder.test/exchanges.json?before=8');
});

test('each event is a filter of the recorder, bounded by the numbers on both sides', async () => {
	for (const [event, filter] of [
		['failed', 'failed=true'],
		['cut', 'truncated=true'],
		['given_up', 'outcome=client_left'],
		['slower', 'slower=10'],
	]) {
		const recorder = asking({ exchanges: [] });
		await matchesSince(recorder, event);
		const query = new URL(recorder.asked[0]).searchParams;
		assert.ok([...query].map(([name, value]) => `${name}=${value}`).includes(filter), recorder.asked[0]);
		assert.equal(query.get('after'), '5');
		assert.equal(query.get('before'), '10');
	}
});

test('the time in the queue and the time at Ollama are waited together', async () => {
	const recorder = asking({ exchanges: [{ number: 8, queue_time: 6, wait_time: 5 }, { number: 7, wait_time: 10 }, { number: 6 }] });
	assert.deepEqual((await matchesSince(recorder, 'waited')).entries, [{ number: 8, queue_time: 6, wait_time: 5 }]);
});

test('no more is read than is asked for', async () => {
	const recorder = asking({ exchanges: [1, 2, 3], next: '/more' });
	assert.deepEqual(await matches.pagesOf(recorder, PLACE, '/exchanges.json', 2), [1, 2]);
	assert.equal(recorder.asked.length, 1);
});

test('a backup that was put back tells nothing twice, and another journal misses nothing', async () => {
	const known = {};
	matches.noteNewest(known, 70);
	matches.noteLooked(known, '2026-11-29T10:00:00.000Z');
	matches.noteNewest(known, 71);
	assert.deepEqual(known, { number: 70, time: '2026-11-29T10:00:00.000Z' });
	matches.noteNewest(known, 9);
	assert.deepEqual([known.number, known.from], [0, '2026-11-29T10:00:00.000Z']);
	const recorder = asking({ exchanges: [
		{ number: 9, time: '2026-11-29T10:00:01.000000Z' }, { number: 8, time: '2026-11-29T10:00:00.000Z' }, { number: 7, time: '2026-11-28T10:00:00Z' },
	] });
	const { entries } = await matches.matchesSince(recorder, PLACE, { event: 'failed', seconds: 0, filters: {} }, 0, 9, known.from);
	assert.deepEqual(entries.map(({ number }) => number), [8, 9]);
	known.number = 9;
	matches.noteLooked(known, '2026-11-29T10:00:02.000Z');
	assert.deepEqual(known, { number: 9, time: '2026-11-29T10:00:02.000Z' });
});

test('what the recorder cannot find yet is left for the next look', async () => {
	const recorder = asking({ exchanges: [{ number: 8 }, { number: 7 }], reached: 7 });
	assert.deepEqual(await matchesSince(recorder, 'failed'), { entries: [{ number: 7 }], upTo: 7 });
	const behind = asking({ exchanges: [], reached: 3 });
	assert.deepEqual(await matchesSince(behind, 'failed'), { entries: [], upTo: 3 });
});
