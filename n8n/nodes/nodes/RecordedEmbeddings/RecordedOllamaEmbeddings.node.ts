import type { INodeType, INodeTypeDescription, ISupplyDataFunctions, SupplyData } from 'n8n-workflow';
import { describe, supplyThroughRecorder } from '../../recorder/ollamaNode';

const OLLAMA = { file: 'embeddings/EmbeddingsOllama/EmbeddingsOllama.node.js', className: 'EmbeddingsOllama' };

/** n8n's own Embeddings Ollama, with the recorder before Ollama and the names of who asks in each call. */
export class RecordedOllamaEmbeddings implements INodeType {
	description: INodeTypeDescription = describe(OLLAMA, {
		displayName: 'Recorded Ollama Embeddings',
		name: 'recordedOllamaEmbeddings',
		description: 'Embeddings of Ollama, each call recorded with workflow, execution and node',
		outputs: ['ai_embedding'],
		outputNames: ['Embeddings'],
		subcategories: { AI: ['Embeddings'] },
	});

	async supplyData(this: ISupplyDataFunctions, itemIndex: number): Promise<SupplyData> {
		return await supplyThroughRecorder(this, OLLAMA, itemIndex);
	}
}
