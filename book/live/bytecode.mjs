// Python's own work on the packages for the tab, done by the very Python that will run them, in Node.
//   node bytecode.mjs census PYODIDE                        prints the modules that lessons import
//   node bytecode.mjs compile PYODIDE FOLDER PLACE CENSUS KEEP...
// `compile`: each module below FOLDER that the census names becomes bytecode that says it stands
// at PLACE. Its source goes away, but not that of a package in KEEP. All of KEEP is compiled.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [job, pyodide, ...rest] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${pyodide}/pyodide.mjs`));
const python = await loadPyodide({ indexURL: `${pyodide}/`, packageCacheDir: pyodide, stdout() {}, stderr() {} });

const COMPILE = `
import importlib.util, json, sys
from importlib._bootstrap_external import _code_to_hash_pyc
from pathlib import Path

root = Path("/sources")
wanted = set(json.loads(census))

for path in sorted(root.rglob("*.py")):
    name = path.relative_to(root).as_posix()
    kept = name.split("/")[0] in keep
    if name not in wanted and not kept:
        continue
    data = path.read_bytes()
    code = compile(data, f"{place}/{name}", "exec", dont_inherit=True, optimize=0)
    compiled = _code_to_hash_pyc(code, importlib.util.source_hash(data), False)
    if kept:
        folder = path.parent / "__pycache__"
        folder.mkdir(exist_ok=True)
        folder.joinpath(f"{path.stem}.{sys.implementation.cache_tag}.pyc").write_bytes(compiled)
    else:
        path.with_suffix(".pyc").write_bytes(compiled)
        path.unlink()
`;

if (job === "census") {
  const { packages } = JSON.parse(readFileSync(`${pyodide}/pyodide-lock.json`, "utf8"));
  await python.loadPackage(Object.keys(packages), { messageCallback() {}, checkIntegrity: false });
  const program = readFileSync(new URL("census.py", import.meta.url), "utf8");
  writeFileSync(1, await python.runPythonAsync(program));
} else {
  const [folder, place, census, ...keep] = rest;
  python.mountNodeFS("/sources", folder);
  const globals = python.toPy({ place, keep, census: readFileSync(census, "utf8") });
  python.runPython(COMPILE, { globals });
}
process.exit(0);
