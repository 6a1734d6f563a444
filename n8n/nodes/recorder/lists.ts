import type {
	IDataObject,
	ILoadOptionsFunctions,
	INodeListSearchResult,
	INodePropertyMode,
	INodePropertyOptions,
} from 'n8n-workflow';
import { listOf, NO_RECORDER, placeOf, read, RecorderRefusal, refusal } from './request';

/** How one of something is chosen: out of what the recorder knows, or by its name. */
function modes(method: keyof typeof LISTS, placeholder: string): INodePropertyMode[] {
	return [
		{ displayName: 'From List', name: 'list', type: 'list', typeOptions: { searchListMethod: method, searchable: true } },
		{ displayName: 'By Name', name: 'id', type: 'string', placeholder },
	];
}

/** The models that Ollama has. */
async function models(this: ILoadOptionsFunctions, filter?: string): Promise<INodeListSearchResult> {
	const { address, apiKey } = await placeOf(this);
	const answer = (await this.helpers.httpRequest({
		url: `${address}/api/ollama/api/tags`,
		headers: apiKey ? { Authorization: `Bearer ${apiKey}` } : {},
		json: true,
		ignoreHttpStatusErrors: true,
		returnFullResponse: true,
	})) as { statusCode: number; body: IDataObject };
	if (answer.statusCode >= 400) throw refusal(answer.statusCode, answer.body);
	if (typeof answer.body !== 'object' || !('models' in answer.body)) throw new RecorderRefusal(NO_RECORDER, answer.statusCode);
	return matching(((answer.body.models ?? []) as IDataObject[]).map((model) => String(model.name)).sort(), filter);
}

/** Who asked, by a field of the record, whoever asked most first. */
function askedBy(field: string) {
	return async function (this: ILoadOptionsFunctions, filter?: string): Promise<INodeListSearchResult> {
		const groups = listOf(await read(this, await placeOf(this), `/stats.json?by=${field}`), 'groups');
		const named = groups.filter(({ name }) => typeof name === 'string' && name !== '');
		named.sort((one, other) => Number(other.calls) - Number(one.calls));
		return matching(named.map(({ name }) => name as string), filter);
	};
}

function matching(names: string[], filter = ''): INodeListSearchResult {
	const wanted = names.filter((name) => name.toLowerCase().includes(filter.toLowerCase()));
	return { results: wanted.map((name) => ({ name, value: name })) };
}

/** The lists that resource locators show, by the names of their methods. */
export const LISTS = { models, workflows: askedBy('workflow'), callers: askedBy('caller'), nodes: askedBy('node') };

/** The same for a field that has a plain list. */
export const OPTIONS = {
	async models(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
		return (await models.call(this)).results;
	},
};

export const MODEL_MODES = modes('models', 'llama3.1:8b');
export const WORKFLOW_MODES = modes('workflows', 'Invoice triage');
export const CALLER_MODES = modes('callers', 'n8n');
export const NODE_MODES = modes('nodes', 'Summarise');
