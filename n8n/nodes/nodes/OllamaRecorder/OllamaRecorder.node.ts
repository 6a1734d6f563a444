import { NodeConnectionTypes, NodeOperationError } from 'n8n-workflow';
import type {
	IExecuteFunctions,
	INodeExecutionData,
	INodeType,
	INodeTypeDescription,
} from 'n8n-workflow';
import { isTool } from '../../recorder/attempts';
import { LISTS } from '../../recorder/lists';
import { placeOf } from '../../recorder/request';
import { forAnAgent } from './forAnAgent';
import { OPERATIONS } from './operations';
import { PROPERTIES } from './properties';

/** Asks Ollama through the recorder, and asks the recorder. */
export class OllamaRecorder implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Ollama Recorder',
		name: 'ollamaRecorder',
		icon: { light: 'file:../../icons/recorder.svg', dark: 'file:../../icons/recorder.dark.svg' },
		group: ['transform'],
		version: 1,
		subtitle: '={{ $parameter["resource"] + ": " + $parameter["operation"] }}',
		description: 'Ask Ollama, find what was asked before, and learn why it was slow',
		defaults: { name: 'Ollama Recorder' },
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		usableAsTool: true,
		credentials: [{ name: 'ollamaRecorderApi', required: true }],
		properties: PROPERTIES,
	};

	methods = { listSearch: LISTS };

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const place = await placeOf(this);
		const made: INodeExecutionData[] = [];
		for (let item = 0; item < this.getInputData().length; item++) {
			const resource = this.getNodeParameter('resource', item) as string;
			const operation = this.getNodeParameter('operation', item) as string;
			const name = `${resource} ${operation}`;
			try {
				const answered = await OPERATIONS[name](this, place, item);
				const found = isTool(this) ? forAnAgent(name, answered) : answered;
				// One by one: as arguments of one call a hundred thousand are too many.
				for (const one of found) made.push({ ...one, pairedItem: { item } });
			} catch (error) {
				if (!this.continueOnFail()) throw new NodeOperationError(this.getNode(), error as Error, { itemIndex: item });
				made.push({ json: { error: (error as Error).message }, pairedItem: { item } });
			}
		}
		return [made];
	}
}
