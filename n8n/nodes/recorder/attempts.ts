import type { IExecuteFunctions, ISupplyDataFunctions } from 'n8n-workflow';

interface Tries {
	count: number;
	/** What n8n makes anew for each try, the newest. */
	latest: object;
}

/** What n8n's own contexts have, and its types do not promise. */
interface Inside {
	closeFunctions?: unknown;
	getExecuteData?: () => unknown;
}

const known = new WeakMap<object, Tries>();

/**
 * Which try of the node this is, from 1 on; undefined where n8n does not let it be known.
 *
 * n8n tells no node which try it is in. It runs each try of a node with the same data, and makes a new list of what is
 * to be closed after it: one list is one try. A node that supplies another has both from that one.
 */
export function attemptOf(asking: IExecuteFunctions | ISupplyDataFunctions): number | undefined {
	const { closeFunctions, getExecuteData } = asking as unknown as Inside;
	const data = getExecuteData?.call(asking);
	if (!Array.isArray(closeFunctions) || typeof data !== 'object' || data === null || isTool(asking)) return undefined;
	const tries = known.get(data) ?? { count: 0, latest: known };
	if (tries.latest !== closeFunctions) known.set(data, { count: tries.count + 1, latest: closeFunctions });
	return known.get(data)?.count;
}

/** The item that a supplied model works for, from 0 on. Most nodes ask for one model for all of their items. */
export function itemOf(asking: ISupplyDataFunctions, asked: number): number | undefined {
	if (asked > 0) return asked;
	const { length } = asking.getInputData(0, 'main') ?? [];
	return length === 1 ? 0 : undefined;
}

/** An agent calls its tools as often as it likes, all in one try and for one item. */
export function isTool(asking: IExecuteFunctions | ISupplyDataFunctions): boolean {
	return asking.getNode().type.endsWith('Tool');
}
