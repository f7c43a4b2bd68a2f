// What `redocly lint` says of a document, by the core that the generator of types has with it: errors by rule.
import { readFile } from "node:fs/promises";
import { createConfig, lintFromString } from "@redocly/openapi-core";

const [path] = process.argv.slice(2);
const config = await createConfig({ extends: ["recommended"] });
const problems = await lintFromString({ source: await readFile(path, "utf8"), config, absoluteRef: path });
const errors = {};
for (const problem of problems.filter((one) => one.severity === "error")) {
  (errors[problem.ruleId] ??= []).push(`${problem.location[0]?.pointer}: ${problem.message}`);
}
console.log(JSON.stringify(errors));
