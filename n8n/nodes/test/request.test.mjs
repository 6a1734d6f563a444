import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Readable } from 'node:stream';
import request from '../dist/recorder/request.js';

const PLACE = { address: 'http://recorder.test', apiKey: 'secret', readerToken: 'token' };

/** What a node of n8n is given to ask with; it answers `answers` in turn and keeps what it was asked. */
function asking(...answers) {
	const asked = [];
	const httpRequest = async (options) => {
		asked.push(options);
		return answers.shift();
	};
	return { asked, helpers: { httpRequest } };
}

async function documentsOf(answer) {
	const found = [];
	for await (const one of request.generate(asking(answer), PLACE, '/api/generate', {}, {}, 1000)) found.push(one);
	return found;
}

test('the sentence of an error is found in each shape that an API gives it', () => {
	for (const [body, sentence] of [
		[{ error: 'Ollama is away.' }, 'Ollama is away.'],
		[{ error: { message: 'Over the limit.', type: 'rate_limit' } }, 'Over the limit.'],
		[{ type: 'error', error: { type: 'overloaded', message: 'The queue is full.' } }, 'The queue is full.'],
		['{"error": "as text"}', 'as text'],
		['<html>502</html>', 'HTTP 502: <html>502</html>'],
		['', 'HTTP 502: without a word'],
		['null', 'HTTP 502 from the recorder'],
		[null, 'HTTP 502 from the recorder'],
		[{ error: 7 }, 'HTTP 502 from the recorder'],
		['x'.repeat(9000), `HTTP 502: ${'x'.repeat(500)}`],
	]) {
		const refusal = request.refusal(502, body);
		assert.equal(refusal.message, sentence);
		assert.equal(refusal.status, 502);
	}
});

test('an answer is read line by line, however it is cut, with a last line that has no newline', async () => {
	const bytes = Buffer.from('{"response":"é"}\n\n{"response":"b"}\n{"done":true}');
	const whole = [{ response: 'é' }, { response: 'b' }, { done: true }];
	for (let cut = 1; cut < bytes.length; cut++) {
		const body = Readable.from([bytes.subarray(0, cut), bytes.subarray(cut)]);
		assert.deepEqual(await documentsOf({ statusCode: 200, body }), whole, `cut at ${cut}`);
	}
});

test('an error in the middle of an answer, or instead of one, is raised with its sentence', async () => {
	const middle = { statusCode: 200, body: Readable.from([Buffer.from('{"response":"a"}\n{"error":"out of memory"}\n')]) };
	await assert.rejects(documentsOf(middle), { message: 'out of memory' });
	const refused = { statusCode: 429, body: Readable.from([Buffer.from('{"error":"At most 2 at a time."}')]) };
	await assert.rejects(documentsOf(refused), { message: 'At most 2 at a time.', status: 429 });
});

test('a key goes to the gateway and the token to the pages, never the other way round', async () => {
	const gateway = asking({ statusCode: 200, body: Readable.from([]) });
	for await (const _ of request.generate(gateway, PLACE, '/api/chat', {}, { 'X-N8N-Node': 'A' }, 1000));
	assert.deepEqual(gateway.asked[0].headers, { 'X-N8N-Node': 'A', Authorization: 'Bearer secret' });
	assert.equal(gateway.asked[0].url, 'http://recorder.test/api/ollama/api/chat');
	const pages = asking({ statusCode: 200, body: { exchanges: [] } });
	await request.read(pages, PLACE, '/exchanges.json');
	assert.deepEqual(pages.asked[0].headers, { Authorization: 'Bearer token' });
	const open = asking({ statusCode: 200, body: {} });
	await request.read(open, { ...PLACE, readerToken: '' }, '/stats.json');
	assert.deepEqual(open.asked[0].headers, {});
});

test('all nodes of an execution are in one trace, each with a span of its own', () => {
	const parts = (...names) => request.traceparent(...names).split('-');
	const [version, trace, span, flags] = parts('instance', 'workflow', '7', 'node');
	assert.deepEqual([version, flags], ['00', '01']);
	assert.match(trace, /^[0-9a-f]{32}$/);
	assert.match(span, /^[0-9a-f]{16}$/);
	assert.equal(parts('instance', 'workflow', '7', 'other')[1], trace);
	assert.notEqual(parts('instance', 'workflow', '7', 'other')[2], span);
	assert.notEqual(parts('instance', 'workflow', '8', 'node')[1], trace);
	assert.notEqual(parts('elsewhere', 'workflow', '7', 'node')[1], trace);
});

test('who asks is named by headers that carry any letters', () => {
	const names = request.namesOf({
		getWorkflow: () => ({ id: 'w1', name: 'Überblick' }),
		getNode: () => ({ id: 'n1', name: 'Frage 1, été' }),
		getExecutionId: () => '12',
		getInstanceId: () => 'instance',
	});
	assert.equal(names['X-N8N-Node'], 'Frage%201%2C%20%C3%A9t%C3%A9');
	assert.equal(names['X-N8N-Workflow-Name'], '%C3%9Cberblick');
	assert.equal(names['X-N8N-Execution-Id'], '12');
	assert.match(names.traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
});
