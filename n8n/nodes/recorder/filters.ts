import type { IDataObject, INodeProperties } from 'n8n-workflow';

/** The recorder's filters that people use; each is a parameter of its own API by the same name. */
export const FILTERS: INodeProperties = {
	displayName: 'Filters',
	name: 'filters',
	type: 'collection',
	placeholder: 'Add Filter',
	default: {},
	description: 'All of them hold at once',
	options: [
		text('Caller', 'caller', 'A program, or the name of its API key'),
		text('Execution ID', 'execution', 'An execution of n8n, or a chat of Open WebUI'),
		text('From', 'from', 'What ended since then: -1h, -7d, or a date'),
		text('Model', 'model', 'Only this model'),
		text('Node', 'node', 'Only the node of this name'),
		text('Operation', 'operation', 'Only this operation: chat, generate, embed'),
		text('Outcome', 'outcome', 'Only this outcome: completed, client_left, upstream_timed_out'),
		text('Slower Than', 'slower', 'Only what took longer: seconds, or 300ms, 2m'),
		text('To', 'to', 'What ended before then'),
		text('User', 'user', 'Only this user'),
		text('Words', 'q', 'Words in prompts and answers: "a phrase", prefix*, -without, OR'),
		text('Workflow', 'workflow', 'Only this workflow, by its name or ID'),
		flag('Cut Prompt', 'truncated', 'Whether Ollama cut the prompt'),
		flag('Failed', 'failed', 'Whether the call failed'),
	],
};

function text(displayName: string, name: string, description: string): INodeProperties {
	return { displayName, name, type: 'string', default: '', description };
}

function flag(displayName: string, name: string, description: string): INodeProperties {
	return { displayName, name, type: 'boolean', default: true, description };
}

/** The filters as a query. An empty one asks for nothing. */
export function queryOf(filters: IDataObject, more: Record<string, string | number> = {}): string {
	const query = new URLSearchParams();
	for (const [name, value] of Object.entries({ ...filters, ...more })) {
		if (value !== '' && value !== null && value !== undefined) query.append(name, String(value));
	}
	return query.toString();
}
