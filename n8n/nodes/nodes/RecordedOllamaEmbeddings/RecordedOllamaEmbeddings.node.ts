import { NodeConnectionTypes } from 'n8n-workflow';
import type { INodeType, INodeTypeDescription, ISupplyDataFunctions, SupplyData } from 'n8n-workflow';
import { OPTIONS } from '../../recorder/lists';
import { fieldsOf, supplyThroughRecorder } from '../../recorder/ollamaNode';

const OLLAMA = { file: 'embeddings/EmbeddingsOllama/EmbeddingsOllama.node.js', className: 'EmbeddingsOllama' };

/** n8n's own Embeddings Ollama, with the recorder before Ollama and the names of who asks in each call. */
export class RecordedOllamaEmbeddings implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Recorded Ollama Embeddings',
		name: 'recordedOllamaEmbeddings',
		icon: { light: 'file:../../icons/recorder.svg', dark: 'file:../../icons/recorder.dark.svg' },
		group: ['transform'],
		version: 1,
		subtitle: '={{ $parameter["model"] }}',
		description: 'Embeddings of Ollama, each call recorded with workflow, execution and node',
		defaults: { name: 'Recorded Ollama Embeddings' },
		codex: { categories: ['AI'], subcategories: { AI: ['Embeddings'] } },
		inputs: [],
		outputs: [NodeConnectionTypes.AiEmbedding],
		outputNames: ['Embeddings'],
		credentials: [{ name: 'ollamaRecorderApi', required: true }],
		properties: fieldsOf(OLLAMA),
	};

	methods = { loadOptions: OPTIONS };

	async supplyData(this: ISupplyDataFunctions, itemIndex: number): Promise<SupplyData> {
		return await supplyThroughRecorder(this, OLLAMA, itemIndex);
	}
}
