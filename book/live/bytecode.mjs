// Compiles Python sources with the very Python that will run them: Pyodide, in Node.
//   node bytecode.mjs PYODIDE FOLDER PLACE KEEP...
// Each module below FOLDER becomes bytecode that says it stands at PLACE. The source goes away,
// but not where a name in KEEP begins its path, nor outside packages (a template is a text).
import { pathToFileURL } from "node:url";

const [pyodide, folder, place, ...keep] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${pyodide}/pyodide.mjs`));
const python = await loadPyodide({ indexURL: `${pyodide}/`, stderr: () => {} });
python.mountNodeFS("/sources", folder);
python.globals.set("place", place);
python.globals.set("keep", python.toPy(keep));
python.runPython(`
import importlib.util, sys
from importlib._bootstrap_external import _code_to_hash_pyc
from pathlib import Path

root = Path("/sources")

def is_module(path):
    return all((one / "__init__.py").exists() for one in path.parents if one != root and root in one.parents)

for path in sorted(path for path in root.rglob("*.py") if is_module(path)):
    name = path.relative_to(root)
    data = path.read_bytes()
    try:
        code = compile(data, f"{place}/{name}", "exec", dont_inherit=True, optimize=0)
    except SyntaxError:
        continue
    compiled = _code_to_hash_pyc(code, importlib.util.source_hash(data), False)
    if name.parts[0] in keep:
        path.parent.joinpath("__pycache__").mkdir(exist_ok=True)
        path.parent.joinpath("__pycache__", f"{path.stem}.{sys.implementation.cache_tag}.pyc").write_bytes(compiled)
    else:
        path.with_suffix(".pyc").write_bytes(compiled)
        path.unlink()
`);
