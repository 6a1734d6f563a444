import assert from "node:assert/strict";
import { test } from "node:test";

import { executionUrl, setExecutionTemplate } from "../../../service/inspector/page/state/executions.js";

const N8N = "http://localhost:5678/workflow/{workflow_id}/executions/{execution_id}";

test("without an address of n8n nothing is linked", () => {
  assert.equal(setExecutionTemplate(undefined), false);
  assert.equal(executionUrl({ workflow_id: "Xa9", execution_id: "7" }), "");
  assert.equal(setExecutionTemplate("ftp://n8n/{workflow_id}/{execution_id}"), false);
  assert.equal(executionUrl({ workflow_id: "Xa9", execution_id: "7" }), "");
});

test("an execution is linked where both ids are known", () => {
  assert.equal(setExecutionTemplate(N8N), true);
  assert.equal(setExecutionTemplate(N8N), false);
  assert.equal(executionUrl({ workflow_id: "Xa9", execution_id: "7" }), "http://localhost:5678/workflow/Xa9/executions/7");
  assert.equal(executionUrl({ workflow: "Mails", execution_id: "7" }), "");
  assert.equal(executionUrl({ workflow_id: "Xa9" }), "");
  assert.equal(executionUrl({ workflow_id: "..", execution_id: "7" }), "");
});

test("whatever an id holds stays inside its place", () => {
  assert.equal(executionUrl({ workflow_id: "a/b?c#$&", execution_id: "{workflow_id}" }), "http://localhost:5678/workflow/a%2Fb%3Fc%23%24%26/executions/%7Bworkflow_id%7D");
  assert.equal(executionUrl({ workflow_id: "\ud800x", execution_id: "1" }), "http://localhost:5678/workflow/%EF%BF%BDx/executions/1");
});
