import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { attemptOf } from './attempts';
import type {
	IDataObject,
	IExecuteFunctions,
	IHttpRequestMethods,
	IHttpRequestOptions,
	ILoadOptionsFunctions,
	ISupplyDataFunctions,
	ITriggerFunctions,
} from 'n8n-workflow';

export type Asking = IExecuteFunctions | ILoadOptionsFunctions | ISupplyDataFunctions | ITriggerFunctions;

export interface Place {
	address: string;
	apiKey: string;
	readerToken: string;
}

interface Answer {
	statusCode: number;
	body: unknown;
	headers: Record<string, unknown>;
}

export const NO_RECORDER =
	'There is no recorder at this address. It is not that of Ollama, and is written without a path: http://127.0.0.1:8080.';

/** An answer of the recorder that is no success. Its message is the recorder's own sentence. */
export class RecorderRefusal extends Error {
	constructor(
		message: string,
		readonly status: number,
	) {
		super(message);
	}
}

export async function placeOf(asking: Asking): Promise<Place> {
	const given = await asking.getCredentials('ollamaRecorderApi');
	// What is pasted often ends with a line end, which no header may have.
	const [address, apiKey, readerToken] = [given.address, given.apiKey, given.readerToken].map((one) => String(one ?? '').trim());
	if (!/^https?:\/\/[^/]/i.test(address)) throw new Error(`The address of the recorder has to begin with http:// or https://, and is "${address}".`);
	return { address: address.replace(/\/+$/, ''), apiKey, readerToken };
}

/** The headers by which a record knows who asked. `item` is counted from 0; undefined: it is not known which. */
export function namesOf(asking: IExecuteFunctions | ISupplyDataFunctions, item: number | undefined): Record<string, string> {
	const workflow = asking.getWorkflow();
	const node = asking.getNode();
	const execution = asking.getExecutionId();
	const names: Record<string, string> = { 'X-N8N-Node': encodeURIComponent(node.name) };
	if (workflow.id) names['X-N8N-Workflow-Id'] = String(workflow.id);
	if (workflow.name) names['X-N8N-Workflow-Name'] = encodeURIComponent(workflow.name);
	if (execution) {
		names['X-N8N-Execution-Id'] = execution;
		names.traceparent = traceparent(asking.getInstanceId(), String(workflow.id), execution, node.id);
	}
	if (item !== undefined) names['X-N8N-Item'] = String(item);
	const attempt = attemptOf(asking);
	if (attempt !== undefined) names['X-N8N-Attempt'] = String(attempt);
	return names;
}

/** One trace for an execution, and in it one span for a node, whichever of our nodes asks. */
export function traceparent(instance: string, workflow: string, execution: string, node: string): string {
	const digest = (...parts: string[]) => createHash('sha256').update(parts.join('\n')).digest('hex');
	const trace = digest(instance, workflow, execution).slice(0, 32);
	return `00-${trace}-${digest(trace, node).slice(0, 16)}-01`;
}

async function answerOf(asking: Asking, options: IHttpRequestOptions): Promise<Answer> {
	return (await asking.helpers.httpRequest({ ...options, ignoreHttpStatusErrors: true, returnFullResponse: true })) as Answer;
}

/** What `/exchanges.json` and the other addresses for readers answer. Raises RecorderRefusal. */
export async function read(
	asking: Asking,
	place: Place,
	path: string,
	method: IHttpRequestMethods = 'GET',
): Promise<IDataObject> {
	const headers: IDataObject = place.readerToken ? { Authorization: `Bearer ${place.readerToken}` } : {};
	const { statusCode, body: answered } = await answerOf(asking, {
		url: place.address + path,
		method,
		headers,
		json: true,
	});
	if (statusCode >= 400) throw refusal(statusCode, answered);
	if (typeof answered !== 'object' || answered === null) throw new RecorderRefusal(NO_RECORDER, statusCode);
	return answered as IDataObject;
}

/** The list of this name in an answer. Raises RecorderRefusal where there is none: something else answered. */
export function listOf(answer: IDataObject, name: string): IDataObject[] {
	const found = answer[name];
	if (!Array.isArray(found)) throw new RecorderRefusal(NO_RECORDER, 200);
	return found as IDataObject[];
}

/** Send a call again; the id of the new one, once its answer is whole. Raises RecorderRefusal. */
export async function replayed(asking: Asking, place: Place, path: string, body: IDataObject): Promise<string> {
	const headers: IDataObject = place.readerToken ? { Authorization: `Bearer ${place.readerToken}` } : {};
	const url = place.address + path;
	const answer = await answerOf(asking, { url, method: 'POST', headers, body, json: true, timeout: 3_600_000 });
	if (answer.statusCode >= 400) throw refusal(answer.statusCode, answer.body);
	const id = answer.headers['x-exchange-id'];
	if (typeof id !== 'string') throw new RecorderRefusal(NO_RECORDER, answer.statusCode);
	return id;
}

/** The same as bytes, for exports. */
export async function readBytes(asking: Asking, place: Place, path: string): Promise<Buffer> {
	const headers: IDataObject = place.readerToken ? { Authorization: `Bearer ${place.readerToken}` } : {};
	const url = place.address + path;
	const answer = await answerOf(asking, { url, headers, encoding: 'arraybuffer', timeout: 3_600_000 });
	const bytes = Buffer.from(answer.body as ArrayBuffer);
	if (answer.statusCode >= 400) throw refusal(answer.statusCode, bytes.toString());
	// The recorder exports no pages.
	if (String(answer.headers['content-type']).startsWith('text/html')) throw new RecorderRefusal(NO_RECORDER, answer.statusCode);
	return bytes;
}

/** The stream of `/live`, from the exchange after `lastSeen`. */
export async function watch(asking: Asking, place: Place): Promise<Readable> {
	const headers: IDataObject = { Accept: 'text/event-stream' };
	if (place.readerToken) headers.Authorization = `Bearer ${place.readerToken}`;
	const { statusCode, body } = await answerOf(asking, { url: `${place.address}/live`, headers, encoding: 'stream' });
	const stream = body as Readable;
	if (statusCode >= 400) throw refusal(statusCode, await textOf(stream));
	return stream;
}

/** Each document of an answer of Ollama, streamed or not; without a body a GET. A line may carry an error instead. */
export async function* ask(
	asking: IExecuteFunctions,
	place: Place,
	path: string,
	body: IDataObject | undefined,
	headers: Record<string, string>,
	timeout: number,
): AsyncGenerator<IDataObject> {
	if (place.apiKey) headers = { ...headers, Authorization: `Bearer ${place.apiKey}` };
	const url = `${place.address}/api/ollama${path}`;
	const method = body === undefined ? 'GET' : 'POST';
	const { statusCode, body: answered } = await answerOf(asking, { url, method, headers, body, encoding: 'stream', timeout });
	const stream = answered as Readable;
	if (statusCode >= 400) throw refusal(statusCode, await textOf(stream));
	for await (const line of linesOf(wholeOf(stream))) {
		if (!line.trim()) continue;
		const document = documentOf(line);
		if (document === undefined) throw new RecorderRefusal(NO_RECORDER, statusCode);
		if (document.error) throw refusal(statusCode, document);
		yield document;
	}
}

/** The same. Raises RecorderRefusal where it ends too early, with more than Node's "aborted". */
async function* wholeOf(stream: Readable): AsyncGenerator<Buffer | string> {
	let trouble: Error | undefined;
	try {
		yield* stream as AsyncIterable<Buffer | string>;
	} catch (error) {
		trouble = error as Error;
	}
	if (trouble) throw new RecorderRefusal(`The answer broke off (${trouble.message}). The recorder says why: outcome of the call.`, 200);
}

function documentOf(line: string): IDataObject | undefined {
	let found: unknown;
	try {
		found = JSON.parse(line);
	} catch {
		found = undefined;
	}
	return typeof found === 'object' && found !== null ? (found as IDataObject) : undefined;
}

export async function* linesOf(stream: AsyncIterable<Buffer | string>): AsyncGenerator<string> {
	const decoder = new TextDecoder();
	let rest = '';
	for await (const piece of stream) {
		const lines = (rest + (typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true }))).split('\n');
		rest = lines.pop() ?? '';
		yield* lines;
	}
	if (rest) yield rest;
}

async function textOf(stream: Readable): Promise<string> {
	let text = '';
	for await (const line of linesOf(stream)) text += `${line}\n`;
	return text;
}

/** The recorder's sentence out of any of its shapes of an error. */
export function refusal(status: number, body: unknown): RecorderRefusal {
	// The recorder says in words what it has not.
	const otherwise = status === 404 ? NO_RECORDER : `HTTP ${status} from the recorder`;
	let found: unknown = body;
	if (typeof body === 'string') {
		try {
			found = JSON.parse(body);
		} catch {
			if (status === 404) return new RecorderRefusal(NO_RECORDER, status);
			return new RecorderRefusal(`HTTP ${status}: ${body.trim().slice(0, 500) || 'without a word'}`, status);
		}
	}
	const error = (found as IDataObject | null)?.error;
	const message = typeof error === 'string' ? error : (error as IDataObject | undefined)?.message;
	return new RecorderRefusal(typeof message === 'string' ? message : otherwise, status);
}
