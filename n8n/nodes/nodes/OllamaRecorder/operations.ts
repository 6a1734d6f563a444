import type { IDataObject, IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';
import { isTool } from '../../recorder/attempts';
import { queryOf } from '../../recorder/filters';
import { pagesOf } from '../../recorder/matches';
import { ask, listOf, namesOf, NO_RECORDER, read, readBytes, RecorderRefusal, replayed, type Place } from '../../recorder/request';

/** Each operation makes the items of one input item. Raises RecorderRefusal. */
type Operation = (asking: IExecuteFunctions, place: Place, item: number) => Promise<INodeExecutionData[]>;

const OF_THE_MODEL = ['num_ctx', 'num_predict', 'seed', 'temperature'];

function parameter<T>(asking: IExecuteFunctions, name: string, item: number, fallback: T): T {
	return asking.getNodeParameter(name, item, fallback) as T;
}

const located = (asking: IExecuteFunctions, name: string, item: number) =>
	String(asking.getNodeParameter(name, item, '', { extractValue: true }) ?? '');

const items = (found: IDataObject[]): INodeExecutionData[] => found.map((json) => ({ json }));

const filtersOf = (asking: IExecuteFunctions, item: number) => parameter<IDataObject>(asking, 'filters', item, {});

/** Streamed, so that neither n8n nor the recorder takes a long answer for silence. */
async function askModel(asking: IExecuteFunctions, place: Place, item: number): Promise<INodeExecutionData[]> {
	const operation = parameter<string>(asking, 'operation', item, 'chat');
	const { timeout = 3600, system, format, keep_alive, messages, ...rest } = parameter<IDataObject>(asking, 'options', item, {});
	const prompt = parameter(asking, 'prompt', item, '');
	const body: IDataObject = { model: located(asking, 'model', item) };
	if (operation === 'embed') body.input = prompt;
	else Object.assign(body, { stream: true }, operation === 'chat' ? chat(prompt, system, messages) : { prompt, ...(system ? { system } : {}) });
	const options = Object.fromEntries(Object.entries(rest).filter(([name]) => OF_THE_MODEL.includes(name)));
	if (Object.keys(options).length > 0) body.options = options;
	if (keep_alive) body.keep_alive = keep_alive;
	if (format) body.format = typeof format === 'string' ? (parsed(format, 'The format') as IDataObject) : format;
	const answer = ask(asking, place, `/api/${operation}`, body, namesOf(asking, isTool(asking) ? undefined : item), Number(timeout) * 1000);
	return [{ json: await putTogether(answer, format !== undefined) }];
}

function chat(prompt: string, system: unknown, earlier: unknown = []): IDataObject {
	const before = typeof earlier === 'string' ? parsed(earlier, 'What was said before') : earlier;
	if (!Array.isArray(before)) throw new Error('What was said before has to be a list of messages, each with role and content.');
	return { messages: [...(system ? [{ role: 'system', content: system }] : []), ...before, { role: 'user', content: prompt }] };
}

/** Raises an Error that says what is no JSON. */
function parsed(text: string, what: string): unknown {
	let found: { document: unknown } | undefined;
	try {
		found = { document: JSON.parse(text) };
	} catch {
		found = undefined;
	}
	if (found === undefined) throw new Error(`${what} is no JSON: ${text.slice(0, 200) || 'it is empty'}`);
	return found.document;
}

async function listModels(asking: IExecuteFunctions, place: Place): Promise<INodeExecutionData[]> {
	let found: IDataObject = {};
	for await (found of ask(asking, place, '/api/tags', undefined, namesOf(asking, undefined), 60_000));
	return items(found.models === null ? [] : listOf(found, 'models'));
}

async function putTogether(answer: AsyncIterable<IDataObject>, isStructured: boolean): Promise<IDataObject> {
	let text = '';
	let thinking = '';
	let last: IDataObject = {};
	for await (last of answer) {
		const message = (last.message ?? {}) as IDataObject;
		text += String(message.content ?? last.response ?? '');
		thinking += String(message.thinking ?? last.thinking ?? '');
	}
	if (last.embeddings !== undefined) return { model: last.model, embedding: (last.embeddings as IDataObject[])[0], prompt_tokens: last.prompt_eval_count };
	const seconds = Number(last.eval_duration) / 1e9;
	const ended = String(last.done_reason ?? 'unfinished');
	return {
		text,
		...(thinking ? { thinking } : {}),
		...(isStructured ? { answer: parsed(text, `The answer, which ended with "${ended}",`) as IDataObject } : {}),
		model: last.model,
		done_reason: ended,
		prompt_tokens: last.prompt_eval_count,
		completion_tokens: last.eval_count,
		...(last.total_duration ? { seconds: Number(last.total_duration) / 1e9 } : {}),
		...(seconds > 0.001 ? { tokens_per_second: Number(last.eval_count) / seconds } : {}),
	};
}

async function find(asking: IExecuteFunctions, place: Place, item: number, more: IDataObject = {}): Promise<INodeExecutionData[]> {
	const most = parameter(asking, 'returnAll', item, false) ? Infinity : parameter(asking, 'limit', item, 50);
	const query = queryOf({ ...filtersOf(asking, item), ...more }, { limit: Math.min(most, 500) });
	return items(await pagesOf(asking, place, `/exchanges.json?${query}`, most));
}

const addressOf = (asking: IExecuteFunctions, item: number) =>
	`/exchanges/${encodeURIComponent(String(parameter<unknown>(asking, 'exchange', item, '') ?? '').trim())}`;

async function detail(asking: IExecuteFunctions, place: Place, item: number): Promise<IDataObject> {
	const found = await read(asking, place, `${addressOf(asking, item)}.json`);
	if (typeof found.record !== 'object' || found.record === null) throw new RecorderRefusal(NO_RECORDER, 200);
	return found;
}

async function get(asking: IExecuteFunctions, place: Place, item: number): Promise<INodeExecutionData[]> {
	const { record, number, previous, next, n8n_url } = await detail(asking, place, item);
	const found: IDataObject = { number, ...(record as IDataObject), previous, next, n8n_url };
	return items([Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined))]);
}

async function explain(asking: IExecuteFunctions, place: Place, item: number): Promise<INodeExecutionData[]> {
	const { record, explanation } = await detail(asking, place, item);
	const { sentence, findings, phases } = explanation as { sentence: string; findings: IDataObject[]; phases: IDataObject[] };
	const seconds = Object.fromEntries(phases.map((phase) => [`${phase.name as string}_seconds`, phase.seconds]));
	const advice = findings.map((finding) => finding.advice).filter(Boolean).join(' ');
	return items([{ exchange: (record as IDataObject).exchange, sentence, advice, ...seconds } as IDataObject]);
}

async function totals(asking: IExecuteFunctions, place: Place, item: number): Promise<INodeExecutionData[]> {
	const query = queryOf(filtersOf(asking, item), { by: parameter(asking, 'by', item, 'model') });
	return items(listOf(await read(asking, place, `/stats.json?${query}`), 'groups'));
}

/** Each cause of failures with how often it was, who was hit, and what to do; its requests stay in the recorder. */
async function causes(asking: IExecuteFunctions, place: Place, item: number): Promise<INodeExecutionData[]> {
	const groups = listOf(await read(asking, place, `/failures.json?${queryOf(filtersOf(asking, item))}`), 'groups');
	return items(groups.map((group) => Object.fromEntries(Object.entries(group).filter(([name]) => name !== 'requests'))));
}

async function exportFile(asking: IExecuteFunctions, place: Place, item: number): Promise<INodeExecutionData[]> {
	const format = parameter(asking, 'format', item, 'jsonl');
	const bytes = await readBytes(asking, place, `/exchanges.${format}?${queryOf(filtersOf(asking, item))}`);
	const data = await asking.helpers.prepareBinaryData(bytes, `exchanges.${format}`);
	return [{ json: { format, bytes: bytes.length, empty: holdsNoCall(format, bytes) }, binary: { data } }];
}

/** A table without a call has a head, an HTTP Archive a frame. */
function holdsNoCall(format: string, bytes: Buffer): boolean {
	if (format === 'csv') return bytes.indexOf('\n') === bytes.length - 1;
	if (format === 'har') return bytes.subarray(0, 400).includes('"entries":[]');
	return bytes.length === 0;
}

async function replay(asking: IExecuteFunctions, place: Place, item: number): Promise<INodeExecutionData[]> {
	const model = located(asking, 'otherModel', item);
	const before = (await detail(asking, place, item)).record as IDataObject;
	const id = await replayed(asking, place, `${addressOf(asking, item)}/replay`, { stream: false, ...(model ? { model } : {}) });
	const after = (await read(asking, place, `/exchanges/${id}.json`)).record as IDataObject;
	return items([{ ...prefixed('before', before), ...prefixed('after', after) }]);
}

const COMPARED = ['exchange', 'model', 'response_text', 'request_time', 'prompt_tokens', 'completion_tokens', 'tokens_per_second'];

function prefixed(when: string, record: IDataObject): IDataObject {
	return Object.fromEntries(COMPARED.filter((name) => name in record).map((name) => [`${when}_${name}`, record[name]]));
}

async function erase(asking: IExecuteFunctions, place: Place, item: number): Promise<INodeExecutionData[]> {
	return items([await read(asking, place, addressOf(asking, item), 'DELETE')]);
}

async function queue(asking: IExecuteFunctions, place: Place): Promise<INodeExecutionData[]> {
	const found = await read(asking, place, '/queue.json');
	return items([
		...listOf(found, 'active').map((entry) => ({ state: 'active', ...entry })),
		...listOf(found, 'waiting').map((entry) => ({ state: 'waiting', ...entry })),
	]);
}

export const OPERATIONS: Record<string, Operation> = {
	'model chat': askModel,
	'model generate': askModel,
	'model embed': askModel,
	'model list': listModels,
	'call causes': causes,
	'call find': find,
	'call failures': async (asking, place, item) => await find(asking, place, item, { failed: true }),
	'call get': get,
	'call explain': explain,
	'call totals': totals,
	'call export': exportFile,
	'call replay': replay,
	'call erase': erase,
	'queue get': queue,
};
