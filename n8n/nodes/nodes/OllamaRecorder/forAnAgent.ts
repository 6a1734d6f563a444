import type { IDataObject, INodeExecutionData } from 'n8n-workflow';

const NO_MATCH = 'No recorded call matches these filters.';

/** What an operation says where it found nothing, by its name. */
export const NOTHING: Record<string, string> = {
	'model chat': 'The model answered without a word.',
	'model embed': 'The model gave no vector.',
	'model generate': 'The model answered without a word.',
	'model list': 'Ollama has no model.',
	'call causes': 'No call that matches these filters failed.',
	'call erase': 'No call was erased.',
	'call explain': 'The recorder has no explanation for this call.',
	'call export': `${NO_MATCH} The file is empty.`,
	'call failures': 'No call that matches these filters failed.',
	'call find': NO_MATCH,
	'call get': 'The recorder has no such call.',
	'call replay': 'The recorder has no record of the replay.',
	'call totals': NO_MATCH,
	'queue get': 'No call is at Ollama, and none waits.',
};

/** Whether an item tells something, where one that is there may tell nothing. */
const TELLS: Record<string, (json: IDataObject) => boolean> = {
	'model chat': ({ text }) => text !== '',
	'model embed': ({ embedding }) => embedding !== undefined,
	'model generate': ({ text }) => text !== '',
	'call erase': ({ erased }) => Boolean(erased),
	'call explain': ({ sentence }) => Boolean(sentence),
	'call export': ({ empty }) => empty !== true,
	'call get': ({ exchange }) => exchange !== undefined,
	'call replay': ({ after_exchange }) => after_exchange !== undefined,
};

/** The items of an operation, with a sentence where they tell nothing: an agent takes no item for an empty text. */
export function forAnAgent(name: string, items: INodeExecutionData[]): INodeExecutionData[] {
	const message = NOTHING[name];
	if (items.length === 0) return [{ json: { message } }];
	const tells = TELLS[name] ?? (() => true);
	return items.map((one) => (tells(one.json) ? one : { ...one, json: { ...one.json, message } }));
}
