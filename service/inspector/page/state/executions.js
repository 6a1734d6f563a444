/** Where n8n shows the executions that exchanges were steps of: by the recorder's N8N_URL, if it has one. */

let template = "";

/**
 * @param {string | undefined} wanted  of /status.json: an address with {workflow_id} and {execution_id} in it
 * @returns {boolean} whether it is another than before
 */
export function setExecutionTemplate(wanted = "") {
  const before = template;
  template = /^https?:/.test(wanted) ? wanted : "";
  return template !== before;
}

/**
 * @param {import("./tables.js").RecordFields} record
 * @returns {string} an address, or ""
 */
export function executionUrl({ workflow_id: workflow, execution_id: execution }) {
  if (!template || !workflow || !execution || [workflow, execution].some((id) => id === "." || id === "..")) return "";
  // As functions: a dollar sign in an id means nothing.
  return template.replace("{workflow_id}", () => encoded(workflow)).replace("{execution_id}", () => encoded(execution));
}

/**
 * What encodeURIComponent would break off at, half a character, becomes the sign for that.
 * @param {string} id
 */
function encoded(id) {
  return encodeURIComponent(id.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "\uFFFD"));
}
