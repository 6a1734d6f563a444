import type { IDataObject, INodeProperties } from 'n8n-workflow';
import { FILTERS } from '../../recorder/filters';
import { MODEL_MODES } from '../../recorder/lists';

const show = (resource: string, ...operation: string[]): INodeProperties['displayOptions'] => ({
	show: { resource: [resource], operation },
});

function operations(resource: string, initial: string, options: IDataObject[]): INodeProperties {
	return {
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		displayOptions: { show: { resource: [resource] } },
		options: options as unknown as INodeProperties['options'],
		default: initial,
	};
}

export const PROPERTIES: INodeProperties[] = [
	{
		displayName: 'Resource',
		name: 'resource',
		type: 'options',
		noDataExpression: true,
		options: [
			{ name: 'Call', value: 'call', description: 'What was recorded' },
			{ name: 'Model', value: 'model', description: 'Ask a model of Ollama' },
			{ name: 'Queue', value: 'queue', description: 'Who is at Ollama, and who waits' },
		],
		default: 'model',
	},
	operations('model', 'chat', [
		{ name: 'Chat', value: 'chat', action: 'Ask a model in a chat' },
		{ name: 'Embed', value: 'embed', action: 'Embed a text' },
		{ name: 'Generate', value: 'generate', action: 'Generate a text' },
		{ name: 'List', value: 'list', action: 'List the models' },
	]),
	operations('call', 'find', [
		{ name: 'Erase', value: 'erase', action: 'Erase a call' },
		{ name: 'Explain', value: 'explain', action: 'Explain why a call was slow' },
		{ name: 'Export', value: 'export', action: 'Export calls as a file' },
		{ name: 'Find', value: 'find', action: 'Find calls' },
		{ name: 'Find Failures', value: 'failures', action: 'Find calls that failed' },
		{ name: 'Get', value: 'get', action: 'Get a call' },
		{ name: 'Get Causes of Failures', value: 'causes', action: 'Get why calls failed' },
		{ name: 'Get Totals', value: 'totals', action: 'Get totals of calls' },
		{ name: 'Replay and Compare', value: 'replay', action: 'Replay a call and compare' },
	]),
	operations('queue', 'get', [{ name: 'Get', value: 'get', action: 'Get the queue' }]),
	{
		displayName: 'Model',
		name: 'model',
		type: 'resourceLocator',
		default: { mode: 'list', value: '' },
		required: true,
		modes: MODEL_MODES,
		displayOptions: show('model', 'chat', 'generate', 'embed'),
	},
	{
		displayName: 'Prompt',
		name: 'prompt',
		type: 'string',
		typeOptions: { rows: 4 },
		default: '',
		required: true,
		displayOptions: show('model', 'chat', 'generate', 'embed'),
	},
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add Option',
		default: {},
		displayOptions: show('model', 'chat', 'generate', 'embed'),
		options: [
			{ displayName: 'Context Length', name: 'num_ctx', type: 'number', default: 8192, description: 'Tokens of prompt and answer together' },
			{ displayName: 'Earlier Messages', name: 'messages', type: 'json', default: '[]', description: 'What was said before, in a chat: a list of role and content' },
			{ displayName: 'JSON Schema', name: 'format', type: 'json', default: '{}', description: 'The answer has this form, and is given as an object' },
			{ displayName: 'Keep Alive', name: 'keep_alive', type: 'string', default: '5m', description: 'How long the model stays in memory' },
			{ displayName: 'Max Tokens', name: 'num_predict', type: 'number', default: 512 },
			{ displayName: 'Seed', name: 'seed', type: 'number', default: 1, description: 'The same seed and temperature 0 give the same answer' },
			{ displayName: 'System Prompt', name: 'system', type: 'string', typeOptions: { rows: 2 }, default: '' },
			{ displayName: 'Temperature', name: 'temperature', type: 'number', default: 0.7 },
			{ displayName: 'Timeout', name: 'timeout', type: 'number', default: 3600, description: 'In seconds, until the answer begins' },
		],
	},
	{
		displayName: 'Call ID',
		name: 'exchange',
		type: 'string',
		default: '',
		required: true,
		description: 'The 32 letters and digits that the record has as its exchange',
		displayOptions: show('call', 'get', 'explain', 'replay', 'erase'),
	},
	{
		displayName: 'Other Model',
		name: 'otherModel',
		type: 'resourceLocator',
		default: { mode: 'list', value: '' },
		modes: MODEL_MODES,
		description: 'Empty: the model of the call',
		displayOptions: show('call', 'replay'),
	},
	{
		displayName: 'By',
		name: 'by',
		type: 'options',
		options: ['caller', 'cut', 'model', 'node', 'operation', 'task', 'workflow'].map((value) => ({
			name: value[0].toUpperCase() + value.slice(1),
			value,
		})),
		default: 'model',
		displayOptions: show('call', 'totals'),
	},
	{
		displayName: 'Format',
		name: 'format',
		type: 'options',
		options: [
			{ name: 'Chats for Fine-Tuning', value: 'chat.jsonl' },
			{ name: 'CSV', value: 'csv' },
			{ name: 'HTTP Archive', value: 'har' },
			{ name: 'Whole Records', value: 'jsonl' },
		],
		default: 'jsonl',
		displayOptions: show('call', 'export'),
	},
	{
		displayName: 'Return All',
		name: 'returnAll',
		type: 'boolean',
		default: false,
		description: 'Whether to return all results or only up to a given limit',
		displayOptions: show('call', 'find', 'failures'),
	},
	{
		displayName: 'Limit',
		name: 'limit',
		type: 'number',
		typeOptions: { minValue: 1 },
		default: 50,
		description: 'Max number of results to return',
		displayOptions: { show: { resource: ['call'], operation: ['find', 'failures'], returnAll: [false] } },
	},
	{ ...FILTERS, displayOptions: show('call', 'find', 'failures', 'causes', 'totals', 'export') },
];
