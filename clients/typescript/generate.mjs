// Writes src/generated/: the types of the API and of the WebSockets' frames, from the service's own documents.
//
//   node generate.mjs openapi.json asyncapi.json
import { mkdir, readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const [openapiPath, asyncapiPath] = process.argv.slice(2);
if (!asyncapiPath) {
  console.error("usage: node generate.mjs openapi.json asyncapi.json");
  process.exit(2);
}
const read = async (path) => JSON.parse(await readFile(path, "utf8"));
const target = new URL("src/generated/", import.meta.url);

const openapi = await read(openapiPath);
const asyncapi = await read(asyncapiPath);
// The schemas of both documents are JSON Schema; only the frame around them differs.
const frames = { openapi: "3.1.0", info: asyncapi.info, paths: {}, components: { schemas: asyncapi.components.schemas } };

await mkdir(target, { recursive: true });
await writeFile(new URL("api.ts", target), astToString(await openapiTS(openapi)));
await writeFile(new URL("frames.ts", target), astToString(await openapiTS(frames)));
