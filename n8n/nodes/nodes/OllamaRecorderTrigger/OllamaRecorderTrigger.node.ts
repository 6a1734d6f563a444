import { NodeConnectionTypes, NodeOperationError, sleep } from 'n8n-workflow';
import type {
	IDataObject,
	INodeType,
	INodeTypeDescription,
	ITriggerFunctions,
	ITriggerResponse,
} from 'n8n-workflow';
import { FILTERS } from '../../recorder/filters';
import { EVENTS, matchesSince, noteLooked, noteNewest, type Known, type Wanted } from '../../recorder/matches';
import { LISTS } from '../../recorder/lists';
import { eventsOf } from '../../recorder/liveEvents';
import { NO_RECORDER, placeOf, RecorderRefusal, watch, type Place } from '../../recorder/request';

const SECONDS_BETWEEN_TRIES = [1, 2, 5, 10, 30];
// The recorder says every 15 s that it is there.
const MOST_SILENCE_MS = 45_000;
// What has ended is found some milliseconds later, on a busy machine some seconds.
const MS_BETWEEN_LOOKS = 200;
const MOST_LOOKS = 150;

/** Starts a workflow when an exchange of the recorder ended that is of the wanted kind. */
export class OllamaRecorderTrigger implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Ollama Recorder Trigger',
		name: 'ollamaRecorderTrigger',
		icon: { light: 'file:../../icons/recorder.svg', dark: 'file:../../icons/recorder.dark.svg' },
		group: ['trigger'],
		version: 1,
		subtitle: '={{ $parameter["event"] }}',
		description: 'Starts the workflow when a call to Ollama failed, was cut, was slow, or matched a search',
		defaults: { name: 'Ollama Recorder Trigger' },
		inputs: [],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'ollamaRecorderApi', required: true }],
		properties: [
			{ displayName: 'Event', name: 'event', type: 'options', noDataExpression: true, options: EVENTS, default: 'failed' },
			{
				displayName: 'Seconds',
				name: 'seconds',
				type: 'number',
				typeOptions: { minValue: 0 },
				default: 10,
				displayOptions: { show: { event: ['slower', 'waited'] } },
			},
			FILTERS,
		],
	};

	methods = { listSearch: LISTS };

	async trigger(this: ITriggerFunctions): Promise<ITriggerResponse> {
		const place = await placeOf(this);
		const wanted: Wanted = {
			event: this.getNodeParameter('event') as string,
			seconds: this.getNodeParameter('seconds', 0) as number,
			filters: this.getNodeParameter('filters', {}) as IDataObject,
		};
		await checkFilters(this, place, wanted);
		const closing = new AbortController();
		const known = this.getWorkflowStaticData('node') as Known;
		const isFirst = typeof known.number !== 'number';
		// n8n keeps what is known once this has returned, so a first start waits until it has its place.
		const placed = Promise.withResolvers<void>();
		const running = follow(this, place, wanted, known, closing.signal, placed);
		running.catch(placed.reject);
		if (isFirst) {
			try {
				await placed.promise;
			} catch (error) {
				closing.abort();
				throw new NodeOperationError(this.getNode(), error as Error);
			}
		}
		return { closeFunction: async () => closing.abort() };
	}
}

/** Raises what the recorder has against the filters or the reader, which waiting does not mend. */
async function checkFilters(asking: ITriggerFunctions, place: Place, wanted: Wanted): Promise<void> {
	try {
		await matchesSince(asking, place, wanted, 0, 0);
	} catch (error) {
		const isForGood = error instanceof RecorderRefusal && [400, 401, 403].includes(error.status);
		if (isForGood) throw new NodeOperationError(asking.getNode(), error);
	}
}

/** Follow the recorder until `closing`, over restarts of it. `known.number` is the last exchange that was looked at. */
async function follow(
	asking: ITriggerFunctions,
	place: Place,
	wanted: Wanted,
	known: Known,
	closing: AbortSignal,
	placed: PromiseWithResolvers<void>,
): Promise<void> {
	let failures = 0;
	while (!closing.aborted) {
		try {
			for await (const { number, time } of endings(asking, place, closing)) {
				if (closing.aborted) return;
				await look(asking, place, wanted, known, number);
				failures = 0;
				noteLooked(known, time);
				placed.resolve();
			}
		} catch (error) {
			if (typeof known.number !== 'number') throw new NodeOperationError(asking.getNode(), error as Error);
			asking.logger.warn(`Ollama Recorder Trigger: ${(error as Error).message}`);
		}
		if (closing.aborted) return;
		if (typeof known.number !== 'number') throw new NodeOperationError(asking.getNode(), NO_RECORDER);
		await sleep(1000 * SECONDS_BETWEEN_TRIES[Math.min(failures++, SECONDS_BETWEEN_TRIES.length - 1)]);
	}
}

/** Start the workflow for what ended after the known number and up to `number`. */
async function look(
	asking: ITriggerFunctions,
	place: Place,
	wanted: Wanted,
	known: Known,
	number: number,
): Promise<void> {
	noteNewest(known, number);
	for (let tries = 0; (known.number as number) < number; tries++) {
		if (tries === MOST_LOOKS) {
			throw new NodeOperationError(asking.getNode(), `The recorder does not find call ${number} yet. It is tried again.`);
		}
		if (tries > 0) await sleep(MS_BETWEEN_LOOKS);
		const { entries, upTo } = await matchesSince(asking, place, wanted, known.number as number, number, known.from);
		known.number = Math.max(known.number as number, upTo);
		if (entries.length > 0) asking.emit([asking.helpers.returnJsonArray(entries)]);
	}
}

interface Ending {
	number: number;
	time: string;
}

/** The newest exchange, at once and whenever one has ended, and when that was. Ends when the connection does. */
async function* endings(asking: ITriggerFunctions, place: Place, closing: AbortSignal): AsyncGenerator<Ending> {
	const stream = await watch(asking, place);
	const end = () => stream.destroy();
	const silence = setTimeout(end, MOST_SILENCE_MS);
	closing.addEventListener('abort', end);
	stream.on('data', () => silence.refresh());
	try {
		for await (const { name, data, id } of eventsOf(stream)) {
			if (name === 'hello') yield JSON.parse(data) as Ending;
			else if (name === 'ended' && id !== undefined) yield { number: id, time: (JSON.parse(data) as Ending).time };
		}
	} finally {
		clearTimeout(silence);
		closing.removeEventListener('abort', end);
		stream.destroy();
	}
}
