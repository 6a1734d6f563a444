import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Readable } from 'node:stream';
import attempts from '../dist/recorder/attempts.js';
import lists from '../dist/recorder/lists.js';
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
	for await (const one of request.ask(asking(answer), PLACE, '/api/generate', {}, {}, 1000)) found.push(one);
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

test('what is no recorder is told by its 404 without a sentence, or by an answer of another kind', async () => {
	for (const body of ['404 page not found', { detail: 'Not Found' }, '<html></html>', null]) {
		assert.match(request.refusal(404, body).message, /^There is no recorder at this address/);
	}
	assert.equal(request.refusal(404, { error: 'There is no exchange x.' }).message, 'There is no exchange x.');
	await assert.rejects(request.read(asking({ statusCode: 200, body: '<html></html>' }), PLACE, '/stats.json'), /no recorder/);
	const chosen = { ...asking({ statusCode: 200, body: { status: 'ok' } }), getCredentials: async () => PLACE };
	await assert.rejects(lists.OPTIONS.models.call(chosen), /no recorder/);
});

test('a list of models is sorted, and none where Ollama has none', async () => {
	const listed = async (models) => {
		const chosen = { ...asking({ statusCode: 200, body: { models } }), getCredentials: async () => PLACE };
		return await lists.OPTIONS.models.call(chosen);
	};
	assert.deepEqual(await listed([{ name: 'b' }, { name: 'a' }]), [{ name: 'a', value: 'a' }, { name: 'b', value: 'b' }]);
	assert.deepEqual(await listed(null), []);
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
	for await (const _ of request.ask(gateway, PLACE, '/api/chat', {}, { 'X-N8N-Node': 'A' }, 1000));
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

test('a try is what n8n makes a new list for, with the same data', () => {
	const node = { id: 'n1', name: 'A', type: 'CUSTOM.ollamaRecorder' };
	const made = (data, closeFunctions, type = node.type) => ({
		getWorkflow: () => ({}),
		getNode: () => ({ ...node, type }),
		getExecutionId: () => undefined,
		getExecuteData: () => data,
		closeFunctions,
	});
	const attempt = (...parts) => request.namesOf(made(...parts), 3)['X-N8N-Attempt'];
	const [data, other] = [{}, {}];
	const [first, second] = [[], []];
	assert.deepEqual([attempt(data, first), attempt(data, first)], ['1', '1'], 'two items of one try');
	assert.equal(attempt(other, []), '1', 'another run');
	assert.deepEqual([attempt(data, second), attempt(data, second), attempt(data, [])], ['2', '2', '3']);
	assert.equal(attempt(data, []), '4');
	assert.equal(attempt({}, undefined), undefined, 'an n8n that keeps it elsewhere');
	assert.equal(attempt(undefined, []), undefined);
	assert.equal(attempt({}, [], 'CUSTOM.ollamaRecorderTool'), undefined, 'a tool of an agent');
});

test('a supplied model knows its item where there is one, or where it is asked for by its number', () => {
	const asking = (count) => ({ getInputData: () => Array(count).fill({}) });
	assert.deepEqual([attempts.itemOf(asking(1), 0), attempts.itemOf(asking(3), 2)], [0, 2]);
	assert.deepEqual([attempts.itemOf(asking(3), 0), attempts.itemOf(asking(0), 0)], [undefined, undefined]);
	assert.equal(attempts.itemOf({ getInputData: () => undefined }, 0), undefined);
});

test('who asks is named by headers that carry any letters', () => {
	const names = request.namesOf({
		getWorkflow: () => ({ id: 'w1', name: 'Überblick' }),
		getNode: () => ({ id: 'n1', name: 'Frage 1, été' }),
		getExecutionId: () => '12',
		getInstanceId: () => 'instance',
	}, 4);
	assert.equal(names['X-N8N-Node'], 'Frage%201%2C%20%C3%A9t%C3%A9');
	assert.equal(names['X-N8N-Workflow-Name'], '%C3%9Cberblick');
	assert.equal(names['X-N8N-Execution-Id'], '12');
	assert.equal(names['X-N8N-Item'], '4');
	assert.match(names.traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
});

test('an answer that is none of the recorder is called that, whatever is in it', async () => {
	const html = { statusCode: 200, headers: { 'content-type': 'text/html; charset=utf-8' }, body: Buffer.from('<html></html>') };
	await assert.rejects(request.readBytes(asking(html), PLACE, '/exchanges.csv'), /no recorder/);
	await assert.rejects(request.replayed(asking({ statusCode: 200, headers: {}, body: {} }), PLACE, '/x', {}), /no recorder/);
	assert.throws(() => request.listOf({ status: 'ok' }, 'groups'), /no recorder/);
	for (const line of ['<html></html>', 'null', '7']) {
		await assert.rejects(documentsOf({ statusCode: 200, body: Readable.from([Buffer.from(line)]) }), /no recorder/);
	}
});

test('an answer that breaks off says so', async () => {
	const half = async function* () {
		yield Buffer.from('{"response": "Be"}\n');
		throw new Error('aborted');
	};
	await assert.rejects(documentsOf({ statusCode: 200, body: Readable.from(half()) }), /^Error: The answer broke off \(aborted\)/);
});

test('what was pasted into the credential with blanks around it is understood, and an address of another kind is told', async () => {
	const placed = (given) => request.placeOf({ getCredentials: async () => given });
	const given = { address: ' http://recorder.test:8080// ', apiKey: 'key\n', readerToken: '\ttoken ' };
	assert.deepEqual(await placed(given), { address: 'http://recorder.test:8080', apiKey: 'key', readerToken: 'token' });
	for (const address of ['localhost:8080', '', 'ftp://x', 'http://', undefined]) {
		await assert.rejects(placed({ address }), /has to begin with http:/);
	}
});
