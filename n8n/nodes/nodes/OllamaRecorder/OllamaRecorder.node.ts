import { NodeOperationError } from 'n8n-workflow';
import type {
	IDataObject,
	IExecuteFunctions,
	ILoadOptionsFunctions,
	INodeExecutionData,
	INodeListSearchResult,
	INodeType,
	INodeTypeDescription,
} from 'n8n-workflow';
import { placeOf, refusal } from '../../recorder/request';
import { OPERATIONS } from './operations';
import { PROPERTIES } from './properties';

/** Asks Ollama through the recorder, and asks the recorder. */
export class OllamaRecorder implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Ollama Recorder',
		name: 'ollamaRecorder',
		icon: 'file:recorder.svg',
		group: ['transform'],
		version: 1,
		subtitle: '={{ $parameter["resource"] + ": " + $parameter["operation"] }}',
		description: 'Ask Ollama, find what was asked before, and learn why it was slow',
		defaults: { name: 'Ollama Recorder' },
		inputs: ['main'],
		outputs: ['main'],
		usableAsTool: true,
		credentials: [{ name: 'ollamaRecorderApi', required: true }],
		properties: PROPERTIES,
	};

	methods = { listSearch: { models } };

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const place = await placeOf(this);
		const made: INodeExecutionData[] = [];
		for (let item = 0; item < this.getInputData().length; item++) {
			const resource = this.getNodeParameter('resource', item) as string;
			const operation = this.getNodeParameter('operation', item) as string;
			try {
				const found = await OPERATIONS[`${resource} ${operation}`](this, place, item);
				made.push(...found.map((one) => ({ ...one, pairedItem: { item } })));
			} catch (error) {
				if (!this.continueOnFail()) throw new NodeOperationError(this.getNode(), error as Error, { itemIndex: item });
				made.push({ json: { error: (error as Error).message }, pairedItem: { item } });
			}
		}
		return [made];
	}
}

/** The models that Ollama has, for the list of the resource locator. */
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
	const names = ((answer.body.models ?? []) as IDataObject[]).map((model) => String(model.name)).sort();
	const wanted = names.filter((name) => name.includes(filter ?? ''));
	return { results: wanted.map((name) => ({ name, value: name })) };
}
