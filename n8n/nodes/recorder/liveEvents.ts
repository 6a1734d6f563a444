import { linesOf } from './request';

export interface LiveEvent {
	name: string;
	data: string;
	id?: number;
}

/** The server-sent events of `/live`. Heartbeats are comments, and none of them. */
export async function* eventsOf(stream: AsyncIterable<Buffer | string>): AsyncGenerator<LiveEvent> {
	let event: LiveEvent = { name: 'message', data: '' };
	for await (const line of linesOf(stream)) {
		if (line === '') {
			if (event.data) yield event;
			event = { name: 'message', data: '' };
		} else if (line.startsWith('event: ')) event.name = line.slice(7);
		else if (line.startsWith('data: ')) event.data += line.slice(6);
		else if (line.startsWith('id: ')) event.id = Number(line.slice(4));
	}
}
