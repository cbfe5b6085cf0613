// Python of the tab, in Node: `node tests/live/node.mjs WHEELS PGLITE FILE…`.
//
// WHEELS is what `book/live/wheels.py` filled, PGLITE the folder of PGlite's files. A FILE is a
// notebook, whose code cells run in order through IPython, or a program in Python. Prints what
// each cell shows, and at the end the cells that failed. A cell with the tag `computer` or
// `raises-exception` is expected to do what its tag says.
//
// Node has no JSPI, so PostgreSQL is begun before Python asks for it.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [wheels, pglite, ...files] = process.argv.slice(2);
const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), "../..");
const since = performance.now();
const told = (words) => process.env.QUIET || console.error(`[${((performance.now() - since) / 1000).toFixed(2)} s] ${words}`);

if (pglite !== "-") {
  const folder = path.resolve(pglite);
  const begin = (0, eval)(fs.readFileSync(path.join(root, "coursekit/tab/pglite.js"), "utf8"));
  const compiled = (name) => WebAssembly.compile(fs.readFileSync(path.join(folder, name)));
  globalThis.boxofficePostgres = await begin(pathToFileURL(path.join(folder, "index.js")).href, {
    pgliteWasmModule: await compiled("pglite.wasm"),
    initdbWasmModule: await compiled("initdb.wasm"),
    fsBundle: new Blob([fs.readFileSync(path.join(folder, "pglite.data"))]),
  });
  told("PostgreSQL answers");
}

const { loadPyodide } = await import(pathToFileURL(path.resolve(wheels, "pyodide.mjs")).href);
const pyodide = await loadPyodide({
  indexURL: path.resolve(wheels),
  packageCacheDir: path.resolve(wheels),
  packageBaseUrl: path.resolve(wheels) + "/",
  env: { HOME: "/home/pyodide" },
});
told("Python answers");
const lock = JSON.parse(fs.readFileSync(path.join(wheels, "pyodide-lock.json"), "utf8"));
const names = process.env.PACKAGES ? process.env.PACKAGES.split(",") : Object.keys(lock.packages);
await pyodide.loadPackage(names, { messageCallback() {}, checkIntegrity: false });
told(`${names.length} packages are there`);
pyodide.FS.mkdirTree("/drive");
if (process.env.DRIVE) pyodide.mountNodeFS("/drive", path.resolve(process.env.DRIVE));

pyodide.globals.set("CELLS", null);
const runner = fs.readFileSync(path.join(root, "tests/live/cells.py"), "utf8");
await pyodide.runPythonAsync(runner);
let failed = 0;
process.on("uncaughtException", (error) => { // not with the source of Pyodide around it
  console.error(String(error.message ?? error).slice(0, 6000));
  process.exit(2);
});
for (const file of files) {
  const text = fs.readFileSync(file, "utf8");
  if (file.endsWith(".ipynb")) {
    const run = pyodide.globals.get("run_notebook");
    failed += await run(text, path.basename(file));
  } else {
    await pyodide.runPythonAsync(text);
  }
  told(`${path.basename(file)} is through`);
}
process.exit(failed ? 1 : 0);
