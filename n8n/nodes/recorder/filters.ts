import type { IDataObject, INodeProperties, INodePropertyMode } from 'n8n-workflow';
import { CALLER_MODES, MODEL_MODES, NODE_MODES, WORKFLOW_MODES } from './lists';

/** The recorder's filters that people use; each is a parameter of its own API by the same name. */
export const FILTERS: INodeProperties = {
	displayName: 'Filters',
	name: 'filters',
	type: 'collection',
	placeholder: 'Add Filter',
	default: {},
	description: 'All of them hold at once',
	options: [
		chosen('Caller', 'caller', CALLER_MODES, 'A program, or the name of its API key'),
		text('Execution ID', 'execution', 'An execution of n8n, or a chat of Open WebUI'),
		text('From', 'from', 'What ended since then: -1h, -7d, or a date'),
		chosen('Model', 'model', MODEL_MODES, 'Only this model'),
		chosen('Node', 'node', NODE_MODES, 'Only the node of this name'),
		text('Operation', 'operation', 'Only this operation: chat, generate, embed'),
		text('Outcome', 'outcome', 'Only this outcome: completed, client_left, upstream_timed_out'),
		text('Slower Than', 'slower', 'Only what took longer: seconds, or 300ms, 2m'),
		text('To', 'to', 'What ended before then'),
		text('User', 'user', 'Only this user'),
		text('Words', 'q', 'Words in prompts and answers: "a phrase", prefix*, -without, OR'),
		chosen('Workflow', 'workflow', WORKFLOW_MODES, 'Only this workflow, by its name or ID'),
		flag('Cut Prompt', 'truncated', 'Whether Ollama cut the prompt'),
		flag('Failed', 'failed', 'Whether the call failed'),
	],
};

function text(displayName: string, name: string, description: string): INodeProperties {
	return { displayName, name, type: 'string', default: '', description };
}

function chosen(displayName: string, name: string, modes: INodePropertyMode[], description: string): INodeProperties {
	return { displayName, name, type: 'resourceLocator', default: { mode: 'list', value: '' }, modes, description };
}

function flag(displayName: string, name: string, description: string): INodeProperties {
	return { displayName, name, type: 'boolean', default: true, description };
}

function isLocator(given: unknown): given is { value: unknown } {
	return typeof given === 'object' && given !== null && '__rl' in given && 'value' in given;
}

/** The filters as a query. An empty one asks for nothing. */
export function queryOf(filters: IDataObject, more: Record<string, string | number> = {}): string {
	const query = new URLSearchParams();
	for (const [name, given] of Object.entries({ ...filters, ...more })) {
		const value = isLocator(given) ? given.value : given;
		// An expression may give a list: any of its names fits.
		for (const one of Array.isArray(value) ? value : [value]) {
			if (one !== '' && one !== null && one !== undefined) query.append(name, String(one));
		}
	}
	return query.toString();
}
