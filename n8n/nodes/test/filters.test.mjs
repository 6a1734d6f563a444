import assert from 'node:assert/strict';
import { test } from 'node:test';
import filters from '../dist/recorder/filters.js';
import lists from '../dist/recorder/lists.js';

test('a filter is a text, or what a resource locator holds', () => {
	const chosen = (value, mode = 'list') => ({ __rl: true, mode, value });
	assert.equal(filters.queryOf({ workflow: chosen('A & B'), caller: chosen('n8n', 'id'), model: 'llama3.2' }), 'workflow=A+%26+B&caller=n8n&model=llama3.2');
	assert.equal(filters.queryOf({ workflow: chosen(''), caller: chosen(null), model: '', node: undefined }), '');
	assert.equal(filters.queryOf({ model: ['a', 'b, c', ''], user: [] }), 'model=a&model=b%2C+c');
	assert.equal(filters.queryOf({ failed: false, slower: 0 }, { limit: 5 }), 'failed=false&slower=0&limit=5');
});

/** What the editor gives to a list: where the recorder is, and a way to ask it. */
function editor(body) {
	const asked = [];
	return {
		asked,
		getCredentials: async () => ({ address: 'http://recorder.test/', readerToken: 'token' }),
		helpers: { httpRequest: async ({ url }) => (asked.push(url), { statusCode: 200, body }) },
	};
}

test('workflows and callers are listed by how much they asked, without those that have no name', async () => {
	const groups = [{ name: 'Mails', calls: 2 }, { calls: 90 }, { name: '', calls: 8 }, { name: 'Über uns', calls: 40 }];
	for (const [list, field] of [['workflows', 'workflow'], ['callers', 'caller'], ['nodes', 'node']]) {
		const asking = editor({ groups });
		const { results } = await lists.LISTS[list].call(asking);
		assert.deepEqual(results.map(({ value }) => value), ['Über uns', 'Mails']);
		assert.deepEqual(asking.asked, [`http://recorder.test/stats.json?by=${field}`]);
	}
	const found = await lists.LISTS.workflows.call(editor({ groups }), 'MAIL');
	assert.deepEqual(found, { results: [{ name: 'Mails', value: 'Mails' }] });
});
