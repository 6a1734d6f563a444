import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import {
	NodeOperationError,
	type INodeProperties,
	type INodeType,
	type ISupplyDataFunctions,
	type SupplyData,
} from 'n8n-workflow';
import { itemOf } from './attempts';
import { namesOf, placeOf } from './request';

/** A node of n8n's own package of AI nodes: its file below `dist/nodes/`, and the name of its class. */
export interface OllamaNode {
	file: string;
	className: string;
}

/** What n8n's Ollama nodes supply: a model of LangChain with a client of ollama-js. */
interface WithClient {
	client?: { config?: { headers?: Headers | Record<string, string> } };
}

// The package exports none of its nodes by name, so they are loaded by their path.
const load = createRequire(__filename);

const PACKAGE = join('@n8n', 'n8n-nodes-langchain', 'dist', 'nodes');

/** n8n's own node, from the n8n that runs us; undefined where this n8n has it in another place. */
function nodeOfN8n({ file, className }: OllamaNode): INodeType | undefined {
	for (const folder of load.resolve.paths('@n8n/n8n-nodes-langchain') ?? []) {
		const path = join(folder, PACKAGE, file);
		if (existsSync(path)) return new (load(path)[className] as new () => INodeType)();
	}
	return undefined;
}

const ABSENT: INodeProperties = {
	displayName: 'This n8n has its own Ollama node in a place that is not known. Use the one of n8n, with the address of the recorder.',
	name: 'notice',
	type: 'notice',
	default: '',
};

/** The fields of n8n's own node. Its list of models is ours: n8n's shows an empty line where it is refused. */
export function fieldsOf(ollama: OllamaNode): INodeProperties[] {
	const fields = nodeOfN8n(ollama)?.description.properties ?? [ABSENT];
	return fields.map((field) =>
		field.typeOptions?.loadOptions ? { ...field, typeOptions: { loadOptionsMethod: 'models' } } : field,
	);
}

/** Let n8n's own node make the model, with the recorder for Ollama, and name who asks by headers. */
export async function supplyThroughRecorder(
	asking: ISupplyDataFunctions,
	ollama: OllamaNode,
	itemIndex: number,
): Promise<SupplyData> {
	const node = nodeOfN8n(ollama);
	if (node?.supplyData === undefined) throw new NodeOperationError(asking.getNode(), ABSENT.displayName);
	const { address, apiKey } = await placeOf(asking);
	const credentials = { ...(await asking.getCredentials('ollamaRecorderApi')), baseUrl: `${address}/api/ollama`, apiKey };
	const through = new Proxy(asking, {
		get(target, name) {
			if (name === 'getCredentials') return async () => credentials;
			const value: unknown = Reflect.get(target, name, target);
			return typeof value === 'function' ? value.bind(target) : value;
		},
	});
	const supplied = await node.supplyData.call(through, itemIndex);
	const config = (supplied.response as WithClient).client?.config;
	if (config === undefined) throw new NodeOperationError(asking.getNode(), ABSENT.displayName);
	const headers = Object.fromEntries(new Headers(config.headers));
	config.headers = { ...headers, ...namesOf(asking, itemOf(asking, itemIndex)) };
	return supplied;
}
