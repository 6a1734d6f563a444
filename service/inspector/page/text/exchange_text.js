/** An exchange in a few words: who asked, what it is called, and what is worth noticing. All pure. */

import { OUTCOMES } from "../state/tables.js";
import { counted, duration, whole } from "./format.js";

/**
 * @typedef {import("../state/tables.js").RecordFields} RecordFields
 * @typedef {{text: string, tone: "bad" | "warn" | "quiet"}} Mark
 */

const LONGEST_ID = 14;
/** Seconds: the mark of a client that left earlier than this names no time. */
const NOTICEABLE = 0.1;

/**
 * What the exchange was one step of, or "": n8n numbers its executions, chats have long ids.
 * @param {RecordFields} record
 */
export function stepOf(record) {
  const id = record.execution_id;
  if (!id) return record.conversation_id ? "this conversation" : "";
  return `${record.workflow ? "execution" : "chat"} ${id.length > LONGEST_ID ? `${id.slice(0, 8)}…` : id}`;
}

/**
 * Whether it is a later turn of a conversation; the first one has its own id.
 * @param {RecordFields} record
 */
const goesOn = ({ conversation_id: conversation, exchange }) => Boolean(conversation) && conversation !== exchange;

/**
 * Which of its node's items was asked for, or "".
 * @param {RecordFields} record
 */
export function itemOf({ item }) {
  return item === undefined ? "" : `item ${item}`;
}

const UUID = /^[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$/i;
/** So much of an id tells the nodes of a workflow apart. */
const SHORT_ID = 4;

/**
 * A node's name; where it is only known by its id, the first characters of that.
 * @param {string} node
 */
export function nodeText(node) {
  return UUID.test(node) ? `${node.slice(0, SHORT_ID)}…` : node;
}

/**
 * A name in a row, the sign before it, and the filter that finds all with it.
 * @typedef {{sign: string, text: string, filter?: Partial<import("../state/address.js").View>}} NameInRow
 */

/**
 * Who asked for what, the name that is set in bold first.
 * @param {RecordFields} record
 * @returns {NameInRow[]}
 */
export function namesOf(record) {
  const { workflow, caller, user, node, task, model, operation, execution_id: execution, conversation_id: conversation = "" } = record;
  const first = workflow ?? caller ?? node ?? task ?? user;
  const facet = first === workflow ? "workflow" : first === caller ? "caller" : first === node ? "node" : first === task ? "task" : "user";
  /** @type {NameInRow[]} */
  const names = [first === undefined ? { sign: "", text: "somebody" } : { sign: "", text: nodeText(first), filter: { [facet]: [first] } }];
  if (workflow ?? caller) {
    if (node) names.push({ sign: " › ", text: nodeText(node), filter: { node: [node] } });
    else if (task) names.push({ sign: " › ", text: task, filter: { task: [task] } });
    if (user) names.push({ sign: " · ", text: user, filter: { user: [user] } });
  }
  if (model) names.push({ sign: " · ", text: model, filter: { model: [model] } });
  if (operation && operation !== "chat") names.push({ sign: " · ", text: operation, filter: { operation: [operation] } });
  if (execution) names.push({ sign: " · ", text: stepOf(record), filter: { execution: [execution], ...(workflow ? { workflow: [workflow] } : {}) } });
  else if (goesOn(record)) names.push({ sign: " · ", text: "conversation", filter: { conversation: [conversation] } });
  if (itemOf(record)) names.push({ sign: " · ", text: itemOf(record) });
  return names;
}

/**
 * What is worth noticing before anything else.
 * @param {RecordFields} record
 * @param {number} slow  seconds from which on an exchange is slow here
 * @returns {Mark[]}
 */
export function marksOf(record, slow) {
  const marks = [endMark(record), tryMark(record), cutMark(record), slowMark(record, slow)];
  return marks.filter((mark) => mark !== undefined);
}

/**
 * @param {RecordFields} record
 * @returns {Mark | undefined}
 */
function endMark({ outcome, status, failed, request_time: took = 0 }) {
  if (isStopped({ outcome, failed })) return { text: `stopped${took >= NOTICEABLE ? ` after ${duration(took)}` : ""}`, tone: "quiet" };
  if (outcome && outcome !== "completed") {
    const after = outcome === "client_left" && took >= NOTICEABLE ? ` after ${duration(took)}` : "";
    const answered = outcome === "refused" && status ? ` ${status}` : "";
    return { text: (OUTCOMES[outcome] ?? outcome) + after + answered, tone: "bad" };
  }
  if (!failed) return undefined;
  return { text: status !== undefined && status >= 400 ? `error ${status}` : "error", tone: "bad" };
}

/**
 * @param {RecordFields} record
 * @returns {Mark | undefined}
 */
function cutMark({ prompt_truncated: isCut, context_length: tokens }) {
  if (!isCut) return undefined;
  return { text: tokens ? `prompt cut at ${whole(tokens)} tokens` : "prompt cut", tone: "warn" };
}

/**
 * @param {RecordFields} record
 * @param {number} slow  seconds
 * @returns {Mark | undefined}
 */
function slowMark({ request_time: took = 0, wait_time: waited = 0 }, slow) {
  if (took < slow) return undefined;
  return { text: waited >= took / 2 ? `waited ${duration(waited)}` : "slow", tone: "warn" };
}

/**
 * @param {RecordFields} record
 * @returns {Mark | undefined}
 */
function tryMark({ attempt = 1 }) {
  return attempt > 1 ? { text: `try ${attempt}`, tone: "quiet" } : undefined;
}

/**
 * How an exchange is called where it has the page to itself: "Classify, in Invoice triage", "Chat, by curl".
 * @param {RecordFields} record
 */
export function titleOf(record) {
  const operation = record.operation ? record.operation[0].toUpperCase() + record.operation.slice(1) : "Exchange";
  if (record.workflow) return `${record.node ? nodeText(record.node) : operation}, in ${record.workflow}`;
  return record.caller ? `${operation}, by ${record.caller}` : operation;
}

/**
 * Whether its reader ended an answer that had begun.
 * @param {RecordFields} record
 */
function isStopped({ outcome, failed }) {
  return outcome === "client_left" && failed === false;
}

/**
 * How it ended, in words: "answered in full", "client left".
 * @param {RecordFields} record
 * @param {boolean} [isCut]  whether the model ended it before it was finished
 */
export function outcomeText({ outcome = "", failed }, isCut = false) {
  if (isStopped({ outcome, failed })) return "stopped by the client";
  if (isCut && !failed && outcome === "completed") return "answer not finished";
  return failed && outcome === "completed" ? "answered with an error" : (OUTCOMES[outcome] ?? outcome);
}

/**
 * Why the model stopped, where that says something; "unfinished" is the recorder's own word.
 * @param {string | undefined} reason
 */
export function endingText(reason) {
  if (!reason || reason === "stop") return "";
  return reason === "unfinished" ? "Ollama broke it off" : `ended because of ${reason}`;
}

/**
 * "1,204 tokens in, 96 out"
 * @param {RecordFields} record
 */
export function tokensText({ prompt_tokens: asked, completion_tokens: answered }) {
  if (asked === undefined && answered === undefined) return "";
  if (asked === undefined) return `${counted(answered ?? 0, "token")} out`;
  if (answered === undefined) return `${counted(asked, "token")} in`;
  return `${counted(asked, "token")} in, ${whole(answered)} out`;
}
