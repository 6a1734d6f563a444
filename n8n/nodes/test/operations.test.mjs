import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Readable } from 'node:stream';
import { OllamaRecorder } from '../dist/nodes/OllamaRecorder/OllamaRecorder.node.js';
import agent from '../dist/nodes/OllamaRecorder/forAnAgent.js';
import operations from '../dist/nodes/OllamaRecorder/operations.js';

const PLACE = { address: 'http://recorder.test', apiKey: '', readerToken: '' };
const streamed = (...documents) => ({ statusCode: 200, body: Readable.from(documents.map((one) => Buffer.from(`${JSON.stringify(one)}\n`))) });
const answered = (body) => ({ statusCode: 200, headers: {}, body });

/** A node with these parameters; the recorder answers `answers` in turn. */
function node(parameters, ...answers) {
	const asked = [];
	return {
		asked,
		getNodeParameter: (name, _item, fallback) => {
			const value = parameters[name] ?? fallback;
			return value?.__rl ? value.value : value;
		},
		getWorkflow: () => ({ id: 'w', name: 'W' }),
		getNode: () => ({ id: 'n', name: 'N', type: 'CUSTOM.ollamaRecorder' }),
		getExecutionId: () => '7',
		getInstanceId: () => 'i',
		getExecuteData: () => undefined,
		helpers: { httpRequest: async (options) => (asked.push(options), answers.shift()) },
	};
}

async function ran(name, asking) {
	return (await operations.OPERATIONS[name](asking, PLACE, 2)).map(({ json }) => json);
}

test('a text is put together, with its counts, and the node names item and itself', async () => {
	const end = { model: 'm', response: '', done: true, done_reason: 'stop', prompt_eval_count: 3, eval_count: 4, eval_duration: 2e9, total_duration: 3e9 };
	const asking = node({ operation: 'generate', model: 'm', prompt: 'Why?', options: { system: 'S', num_ctx: 64, seed: 1 } }, streamed({ response: 'Be' }, { response: 'cause' }, end));
	assert.deepEqual(await ran('model generate', asking), [
		{ text: 'Because', model: 'm', done_reason: 'stop', prompt_tokens: 3, completion_tokens: 4, seconds: 3, tokens_per_second: 2 },
	]);
	assert.deepEqual(asking.asked[0].body, { model: 'm', stream: true, prompt: 'Why?', system: 'S', options: { num_ctx: 64, seed: 1 } });
	assert.equal(asking.asked[0].headers['X-N8N-Item'], '2');
});

test('what is no JSON is named, with what it is', async () => {
	const options = { format: '{"type":"object"}' };
	for (const [more, told] of [
		[{ options }, /^Error: The answer, which ended with "length", is no JSON: \{"a$/],
		[{ options: { format: '{type' } }, /^Error: The format is no JSON: \{type$/],
		[{ options: { messages: '[' } }, /^Error: What was said before is no JSON: \[$/],
		[{ options: { messages: '{}' } }, /^Error: What was said before has to be a list/],
	]) {
		const asking = node({ operation: 'chat', model: 'm', prompt: 'Q', ...more }, streamed({ message: { content: '{"a' } }, { message: {}, done: true, done_reason: 'length' }));
		await assert.rejects(ran('model chat', asking), (error) => told.test(String(error)));
	}
});

test('all calls of a large journal are items', async () => {
	const exchanges = Array.from({ length: 200_000 }, (_, number) => ({ number }));
	const asking = node({ resource: 'call', operation: 'find', returnAll: true, filters: {} }, answered({ exchanges }));
	Object.assign(asking, { getInputData: () => [{}], getCredentials: async () => PLACE, continueOnFail: () => false });
	const [found] = await new OllamaRecorder().execute.call(asking);
	assert.equal(found.length, 200_000);
});

test('a chat has what was said before, as a text or as a list', async () => {
	const before = [{ role: 'user', content: 'A' }, { role: 'assistant', content: 'B' }];
	for (const messages of [before, JSON.stringify(before)]) {
		const asking = node({ operation: 'chat', model: 'm', prompt: 'C', options: { messages, system: 'S' } }, streamed({ message: { content: 'D', thinking: 'hm' }, done: true }));
		const [found] = await ran('model chat', asking);
		assert.deepEqual([found.text, found.thinking, found.done_reason], ['D', 'hm', 'unfinished']);
		assert.deepEqual(asking.asked[0].body.messages.map(({ content }) => content), ['S', 'A', 'B', 'C']);
	}
});

test('an answer of a given form is an object, and one that is none of it is an error', async () => {
	const format = '{"type":"object"}';
	const asking = node({ operation: 'generate', model: 'm', options: { format } }, streamed({ response: '{"a":1}', done: true }));
	assert.deepEqual((await ran('model generate', asking))[0].answer, { a: 1 });
	assert.deepEqual(asking.asked[0].body.format, { type: 'object' });
	await assert.rejects(ran('model generate', node({ operation: 'generate', options: { format } }, streamed({ response: '{"a"', done: true }))));
});

test('a text is embedded, and models are listed', async () => {
	const embedded = node({ operation: 'embed', model: 'm', prompt: 'T' }, streamed({ model: 'm', embeddings: [[1, 2]], prompt_eval_count: 1 }));
	assert.deepEqual(await ran('model embed', embedded), [{ model: 'm', embedding: [1, 2], prompt_tokens: 1 }]);
	assert.deepEqual(embedded.asked[0].body, { model: 'm', input: 'T' });
	const listed = node({}, streamed({ models: [{ name: 'a' }, { name: 'b' }] }));
	assert.deepEqual(await ran('model list', listed), [{ name: 'a' }, { name: 'b' }]);
	assert.equal(listed.asked[0].method, 'GET');
	assert.deepEqual(await ran('model list', node({}, streamed({ models: null }))), []);
});

test('all pages are read, or no more than are wanted', async () => {
	const pages = () => [answered({ exchanges: [{ number: 3 }, { number: 2 }], next: '/exchanges.json?before=2' }), answered({ exchanges: [{ number: 1 }] })];
	const all = node({ returnAll: true, filters: { workflow: { __rl: true, value: 'A' } } }, ...pages());
	assert.deepEqual(await ran('call find', all), [{ number: 3 }, { number: 2 }, { number: 1 }]);
	const few = node({ limit: 2 }, ...pages());
	assert.equal((await ran('call failures', few)).length, 2);
	assert.deepEqual(few.asked.map(({ url }) => url), ['http://recorder.test/exchanges.json?failed=true&limit=2']);
});

test('who is at Ollama and who waits are items with their state', async () => {
	const asking = node({}, answered({ active: [{ caller: 'a' }], waiting: [{ caller: 'b', place: 1 }] }));
	assert.deepEqual(await ran('queue get', asking), [{ state: 'active', caller: 'a' }, { state: 'waiting', caller: 'b', place: 1 }]);
});

test('causes of failures come without their requests', async () => {
	const asking = node({ filters: { from: '-14h' } }, answered({ groups: [{ cause: 'c', count: 2, requests: [{ exchange: 'x' }] }] }));
	assert.deepEqual(await ran('call causes', asking), [{ cause: 'c', count: 2 }]);
	assert.equal(asking.asked[0].url, 'http://recorder.test/failures.json?from=-14h');
});

const READING = { groups: [], exchanges: [], active: [], waiting: [], record: {}, explanation: { findings: [], phases: [] } };
/** What an operation is answered that has nothing to tell. */
const EMPTY = {
	'model chat': () => [streamed({ message: { content: '' }, done: true })],
	'model embed': () => [streamed({ model: 'm', embeddings: [] })],
	'model generate': () => [streamed({ response: '', done: true })],
	'model list': () => [streamed({ models: null })],
	'call erase': () => [answered({ erased: 0 })],
	'call export': () => [answered(Buffer.from(''))],
	'call replay': () => [answered(READING), { statusCode: 200, headers: { 'x-exchange-id': 'x' }, body: {} }, answered(READING)],
};

/** The sentences of a whole run of the node. */
async function told(name, type) {
	const [resource, operation] = name.split(' ');
	const asking = node({ resource, operation, format: 'jsonl' }, ...(EMPTY[name]?.() ?? [answered(READING)]));
	asking.helpers.prepareBinaryData = async () => ({});
	const more = { getCredentials: async () => PLACE, getInputData: () => [{ json: {} }], continueOnFail: () => false };
	const [found] = await new OllamaRecorder().execute.call({ ...asking, ...more, getNode: () => ({ id: 'n', name: 'N', type }) });
	return found.map(({ json }) => json.message);
}

test('an agent is told in a sentence that nothing was found, by every operation, and a workflow gets no item of it', async () => {
	assert.deepEqual(Object.keys(agent.NOTHING).sort(), Object.keys(operations.OPERATIONS).sort());
	for (const [name, sentence] of Object.entries(agent.NOTHING)) {
		assert.deepEqual(await told(name, 'CUSTOM.ollamaRecorderTool'), [sentence], name);
		assert.match(sentence, /^[A-Z].*\.$/);
		assert.deepEqual((await told(name, 'CUSTOM.ollamaRecorder')).filter(Boolean), [], name);
	}
});

test('an agent gets what was found as it is', () => {
	const found = [{ json: { text: 'Because.' } }];
	assert.deepEqual(agent.forAnAgent('model chat', found), found);
	assert.deepEqual(agent.forAnAgent('call find', [{ json: { number: 1 } }]), [{ json: { number: 1 } }]);
});

test('a file without a call is told from one with calls, in every format', async () => {
	const files = {
		jsonl: ['', '{"a":1}\n'],
		'chat.jsonl': ['', '{"messages":[]}\n'],
		csv: ['\ufeffa,b\r\n', '\ufeffa,b\r\n"1","2"\r\n'],
		har: ['{"log":{"entries":[],"comment":""}}\n', '{"log":{"entries":[{}],"comment":""}}\n'],
	};
	for (const [format, [without, full]] of Object.entries(files)) {
		for (const [file, empty] of [[without, true], [full, false]]) {
			const asking = node({ format }, answered(Buffer.from(file)));
			asking.helpers.prepareBinaryData = async () => ({});
			assert.equal((await ran('call export', asking))[0].empty, empty, format);
		}
	}
});

test('where something else than the recorder answers, each operation says so', async () => {
	const parameters = { exchange: 7, filters: {}, limit: 5, operation: 'x' };
	for (const name of ['call find', 'call failures', 'call causes', 'call totals', 'call get', 'call explain', 'call replay', 'queue get']) {
		await assert.rejects(ran(name, node(parameters, answered({ status: 'ok' }))), /no recorder/, name);
	}
	await assert.rejects(ran('model list', node({}, streamed({ status: 'ok' }))), /no recorder/);
	assert.deepEqual(await ran('model list', node({}, streamed({ models: null }))), []);
});
