import type { INodeType, INodeTypeDescription, ISupplyDataFunctions, SupplyData } from 'n8n-workflow';
import { describe, supplyThroughRecorder } from '../../recorder/ollamaNode';

const OLLAMA = { file: 'llms/LMChatOllama/LmChatOllama.node.js', className: 'LmChatOllama' };

/** n8n's own Ollama Chat Model, with the recorder before Ollama and the names of who asks in each call. */
export class RecordedOllamaChatModel implements INodeType {
	description: INodeTypeDescription = describe(OLLAMA, {
		displayName: 'Recorded Ollama Chat Model',
		name: 'recordedOllamaChatModel',
		description: 'A chat model of Ollama, each call recorded with workflow, execution and node',
		outputs: ['ai_languageModel'],
		outputNames: ['Model'],
		subcategories: { AI: ['Language Models'], 'Language Models': ['Chat Models (Recommended)'] },
	});

	async supplyData(this: ISupplyDataFunctions, itemIndex: number): Promise<SupplyData> {
		return await supplyThroughRecorder(this, OLLAMA, itemIndex);
	}
}
