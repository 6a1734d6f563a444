import type { IDataObject, INodePropertyOptions } from 'n8n-workflow';
import { queryOf } from './filters';
import { read, type Asking, type Place } from './request';

export interface Wanted {
	event: string;
	/** Of `slower` and `waited`. */
	seconds: number;
	filters: IDataObject;
}

export const EVENTS: INodePropertyOptions[] = [
	{ name: 'Any Call Ended', value: 'any' },
	{ name: 'Call Failed', value: 'failed' },
	{ name: 'Call Was Given Up', value: 'given_up', description: 'The client left before the answer was whole' },
	{ name: 'Call Was Slower Than', value: 'slower' },
	{ name: 'Call Waited Longer Than', value: 'waited', description: 'In the queue, or until the model was ready' },
	{ name: 'Prompt Was Cut', value: 'cut' },
];

/** What is wanted, as filters of the recorder; how long a call waited is none of them. */
function filtersOf({ event, seconds, filters }: Wanted): IDataObject {
	if (event === 'failed') return { ...filters, failed: true };
	if (event === 'cut') return { ...filters, truncated: true };
	if (event === 'given_up') return { ...filters, outcome: 'client_left' };
	if (event === 'slower') return { ...filters, slower: seconds };
	return filters;
}

/** The entries of `/exchanges.json` after one number and up to another, oldest first. */
export async function matchesSince(
	asking: Asking,
	place: Place,
	wanted: Wanted,
	after: number,
	upTo: number,
): Promise<IDataObject[]> {
	const query = queryOf(filtersOf(wanted), { after, before: upTo + 1, limit: 500 });
	const found = await pagesOf(asking, place, `/exchanges.json?${query}`, Infinity);
	const entries = wanted.event === 'waited' ? found.filter((entry) => waited(entry) > wanted.seconds) : found;
	return entries.reverse();
}

function waited(entry: IDataObject): number {
	return Number(entry.queue_time ?? 0) + Number(entry.wait_time ?? 0);
}

/** Entries of this page and those after it, newest first, at most so many. */
export async function pagesOf(asking: Asking, place: Place, address: string, most: number): Promise<IDataObject[]> {
	const found: IDataObject[] = [];
	let next: string | undefined = address;
	while (next !== undefined && found.length < most) {
		const page: IDataObject = await read(asking, place, next);
		found.push(...(page.exchanges as IDataObject[]));
		next = page.next as string | undefined;
	}
	return found.slice(0, most);
}
