/** Reading a model's answer while it streams in, in each of the forms that Ollama speaks. All pure. */

/**
 * @typedef {{text: string, thinking: string, error: string}} Piece
 */

/**
 * Reads an answer piece by piece: `read(characters)` says what is new in them.
 * @param {string} contentType  of the answer
 * @returns {{read: (characters: string) => Piece, end: () => Piece}} `end`: what only the end of the answer tells
 */
export function makeAnswerReader(contentType) {
  const isStreamed = /ndjson|event-stream/.test(contentType);
  let rest = "";

  return {
    read(characters) {
      rest += characters;
      if (!isStreamed) return { text: "", thinking: "", error: "" };
      const lines = rest.split("\n");
      rest = lines.pop() ?? "";
      return joined(lines.map(pieceOfLine));
    },
    end() {
      const last = pieceOfLine(rest);
      rest = "";
      return last;
    },
  };
}

/**
 * @param {Piece[]} pieces
 * @returns {Piece}
 */
function joined(pieces) {
  return {
    text: pieces.map((piece) => piece.text).join(""),
    thinking: pieces.map((piece) => piece.thinking).join(""),
    error: pieces.map((piece) => piece.error).find(Boolean) ?? "",
  };
}

/**
 * @param {string} line  a line of NDJSON, a line of an event stream, or a whole JSON answer
 * @returns {Piece}
 */
function pieceOfLine(line) {
  const json = line.startsWith("data:") ? line.slice(5) : line;
  try {
    return pieceOf(JSON.parse(json));
  } catch {
    // "event: …", "[DONE]", an empty line, or the cut end of an answer that broke off.
    return { text: "", thinking: "", error: "" };
  }
}

/**
 * @param {any} json  of any of the forms: whatever is not a string in the end adds nothing
 * @returns {Piece}
 */
function pieceOf(json) {
  if (json === null || typeof json !== "object") return { text: "", thinking: "", error: "" };
  const choice = json.choices?.[0];
  const message = json.message ?? choice?.delta ?? choice?.message ?? json.delta ?? {};
  const blocks = listOf(json.content);
  const output = listOf(json.output).flatMap((item) => item?.content ?? []);
  const spoken = [
    json.response, message.content, message.text, choice?.text, json.delta, ...[...blocks, ...output].map((block) => block?.text),
  ];
  const thought = [json.thinking, message.thinking, message.reasoning, ...blocks.map((block) => block?.thinking)];
  const isFinal = json.type === "response.completed" || (json.type ?? "").startsWith("response.output_text.done");
  const error = typeof json.error === "string" ? json.error : (json.error?.message ?? "");
  return { text: isFinal ? "" : strings(spoken), thinking: strings(thought), error: String(error) };
}

/**
 * @param {unknown} value
 * @returns {any[]}
 */
function listOf(value) {
  return Array.isArray(value) ? value : [];
}

/** @param {unknown[]} values */
function strings(values) {
  return values.filter((value) => typeof value === "string").join("");
}
