// Reads a JSON list of LogQL queries and writes, for each, where Grafana's own grammar finds a mistake.
// node logql_grammar.mjs FOLDER < queries.json       (FOLDER: where @grafana/lezer-logql is installed)
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { parser } = createRequire(process.argv[2] + "/")("@grafana/lezer-logql");
const mistakes = JSON.parse(readFileSync(0, "utf8")).map((query) => {
  const at = [];
  parser.parse(query).iterate({ enter: (node) => { if (node.type.isError) at.push(node.from); } });
  return at;
});
process.stdout.write(JSON.stringify(mistakes));
