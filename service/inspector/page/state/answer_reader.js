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
 * @param {any} said
 * @returns {Piece}
 */
function pieceOf(said) {
  if (said === null || typeof said !== "object") return { text: "", thinking: "", error: "" };
  const choice = said.choices?.[0];
  const message = said.message ?? choice?.delta ?? choice?.message ?? said.delta ?? {};
  const blocks = Array.isArray(said.content) ? said.content : [];
  const output = Array.isArray(said.output) ? said.output.flatMap((/** @type {any} */ item) => item?.content ?? []) : [];
  const spoken = [
    said.response, message.content, message.text, choice?.text, typeof said.delta === "string" ? said.delta : "",
    ...[...blocks, ...output].map((block) => block?.text),
  ];
  const thought = [
    typeof said.thinking === "string" ? said.thinking : "", message.thinking, message.reasoning,
    ...blocks.map((/** @type {any} */ block) => block?.thinking),
  ];
  const isFinal = said.type === "response.completed" || (said.type ?? "").startsWith("response.output_text.done");
  const error = typeof said.error === "string" ? said.error : (said.error?.message ?? "");
  return { text: isFinal ? "" : strings(spoken), thinking: strings(thought), error: String(error) };
}

/** @param {unknown[]} values */
function strings(values) {
  return values.filter((value) => typeof value === "string").join("");
}
