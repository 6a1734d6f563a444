import { NodeConnectionTypes } from 'n8n-workflow';
import type { INodeType, INodeTypeDescription, ISupplyDataFunctions, SupplyData } from 'n8n-workflow';
import { OPTIONS } from '../../recorder/lists';
import { fieldsOf, supplyThroughRecorder } from '../../recorder/ollamaNode';

const OLLAMA = { file: 'llms/LMChatOllama/LmChatOllama.node.js', className: 'LmChatOllama' };

/** n8n's own Ollama Chat Model, with the recorder before Ollama and the names of who asks in each call. */
export class RecordedOllamaChatModel implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Recorded Ollama Chat Model',
		name: 'recordedOllamaChatModel',
		icon: { light: 'file:../../icons/recorder.svg', dark: 'file:../../icons/recorder.dark.svg' },
		group: ['transform'],
		version: 1,
		subtitle: '={{ $parameter["model"] }}',
		description: 'A chat model of Ollama, each call recorded with workflow, execution and node',
		defaults: { name: 'Recorded Ollama Chat Model' },
		codex: { categories: ['AI'], subcategories: { AI: ['Language Models'], 'Language Models': ['Chat Models (Recommended)'] } },
		inputs: [],
		outputs: [NodeConnectionTypes.AiLanguageModel],
		outputNames: ['Model'],
		credentials: [{ name: 'ollamaRecorderApi', required: true }],
		properties: fieldsOf(OLLAMA),
	};

	methods = { loadOptions: OPTIONS };

	async supplyData(this: ISupplyDataFunctions, itemIndex: number): Promise<SupplyData> {
		return await supplyThroughRecorder(this, OLLAMA, itemIndex);
	}
}
