import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Readable } from 'node:stream';
import { OllamaRecorderTrigger } from '../dist/nodes/OllamaRecorderTrigger/OllamaRecorderTrigger.node.js';

// n8n needs a newer Node than these tests may run in.
Promise.withResolvers ??= () => {
	const made = {};
	made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
	return made;
};

/** A trigger with these filters; `answer` answers by the path that is asked for. */
function trigger(filters, answer, known = {}) {
	const asking = {
		getCredentials: async () => ({ address: 'http://recorder.test', apiKey: '', readerToken: '' }),
		getNodeParameter: (name, fallback) => ({ event: 'any', filters })[name] ?? fallback,
		getWorkflowStaticData: () => known,
		getNode: () => ({ id: 'n', name: 'N', type: 'CUSTOM.ollamaRecorderTrigger' }),
		logger: { warn: () => undefined },
		helpers: { httpRequest: async ({ url }) => answer(new URL(url).pathname) },
	};
	return new OllamaRecorderTrigger().trigger.call(asking);
}

const live = (text) => ({ statusCode: 200, body: Readable.from([Buffer.from(text)]) });
const NONE = { statusCode: 200, body: { exchanges: [] } };

test('a filter that the recorder does not understand is told when the workflow is activated', async () => {
	const refused = { statusCode: 400, body: { error: "slower='soon' is not understood." } };
	for (const known of [{}, { number: 5, time: '2026-11-30T09:00:00Z' }]) {
		await assert.rejects(trigger({ slower: 'soon' }, () => refused, known), /slower='soon' is not understood/);
	}
});

test('where something else than the recorder answers, activating it says so and does not hang', async () => {
	const answer = (path) => (path === '/live' ? live('<html></html>') : { statusCode: 200, body: '<html></html>' });
	await assert.rejects(trigger({}, answer), /no recorder/);
});

test('a recorder that is away when n8n starts again is waited for', async () => {
	const away = () => ({ statusCode: 503, body: { error: 'The journal cannot be read now.' } });
	const running = await trigger({}, away, { number: 5, time: '2026-11-30T09:00:00Z' });
	await running.closeFunction();
});

test('with its first sight of the recorder a trigger has its place', async () => {
	const known = {};
	const hello = 'event: hello\ndata: {"number": 7, "time": "2026-11-30T09:00:00Z"}\n\n';
	const running = await trigger({}, (path) => (path === '/live' ? live(hello) : NONE), known);
	assert.equal(known.number, 7);
	await running.closeFunction();
});
