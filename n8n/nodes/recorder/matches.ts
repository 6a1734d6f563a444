import type { IDataObject, INodePropertyOptions } from 'n8n-workflow';
import { queryOf } from './filters';
import { listOf, read, type Asking, type Place } from './request';

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

export interface Matches {
	/** Of `/exchanges.json`, oldest first. */
	entries: IDataObject[];
	/** The number up to which all of them are known: the recorder finds what has just ended some milliseconds later. */
	upTo: number;
}

/** What was looked at last: an exchange's number, and when that was. `from`: only what ended since then is new. */
export interface Known {
	number?: number;
	time?: string;
	from?: string;
}

/**
 * Take note that the newest exchange has this number. A lower one than before is that of another journal, all of which
 * is new, or of a backup that was put back: what ended before the last look was told then.
 */
export function noteNewest(known: Known, number: number): void {
	if (typeof known.number === 'number' && number < known.number) {
		known.number = 0;
		known.from = known.time;
	}
	if (typeof known.number !== 'number') known.number = number;
}

/** Take note that all was looked at up to here. */
export function noteLooked(known: Known, time: string): void {
	known.time = time;
	delete known.from;
}

/** What matches after one number and up to another and ended since `from`, as far as the recorder can find it now. */
export async function matchesSince(
	asking: Asking,
	place: Place,
	wanted: Wanted,
	after: number,
	upTo: number,
	from?: string,
): Promise<Matches> {
	const query = queryOf(filtersOf(wanted), { after, before: upTo + 1, limit: 500 });
	const first = await read(asking, place, `/exchanges.json?${query}`);
	const reached = Math.min(upTo, Number(first.reached ?? upTo));
	const found = await pagesFrom(asking, place, first, Infinity);
	const isKnown = (entry: IDataObject) => Number(entry.number) <= reached;
	const isWanted = (entry: IDataObject) => wanted.event !== 'waited' || waited(entry) > wanted.seconds;
	const isNew = (entry: IDataObject) => from === undefined || Date.parse(String(entry.time)) >= Date.parse(from);
	return { entries: found.filter((entry) => isKnown(entry) && isNew(entry) && isWanted(entry)).reverse(), upTo: reached };
}

function waited(entry: IDataObject): number {
	return Number(entry.queue_time ?? 0) + Number(entry.wait_time ?? 0);
}

/** Entries of this page and those after it, newest first, at most so many. */
export async function pagesOf(asking: Asking, place: Place, address: string, most: number): Promise<IDataObject[]> {
	return await pagesFrom(asking, place, await read(asking, place, address), most);
}

async function pagesFrom(asking: Asking, place: Place, first: IDataObject, most: number): Promise<IDataObject[]> {
	const found = [...listOf(first, 'exchanges')];
	let next = first.next as string | undefined;
	while (next !== undefined && found.length < most) {
		const page: IDataObject = await read(asking, place, next);
		found.push(...listOf(page, 'exchanges'));
		next = page.next as string | undefined;
	}
	return found.slice(0, most);
}
