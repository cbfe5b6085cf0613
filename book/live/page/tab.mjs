// Pyodide as the lessons need it: the packages come in packs, each loaded when it is first imported.
const here = new URL("./", import.meta.url);
const packs = new URL("../../python/", here);

/** The files of a pack, as [name, bytes]. */
function* filesOf(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const listed = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let place = 4 + length;
  for (const [name, size] of listed) {
    yield [name, new Uint8Array(buffer, place, size)];
    place += size;
  }
}

function unpack(python, buffer, folder) {
  const made = new Set();
  for (const [name, bytes] of filesOf(buffer)) {
    const path = `${folder}/${name}`;
    const parent = path.slice(0, path.lastIndexOf("/"));
    if (!made.has(parent)) {
      python.FS.mkdirTree(parent);
      made.add(parent);
    }
    python.FS.writeFile(path, bytes, { canOwn: true });
  }
}

// An import cannot wait for a promise; in a worker a request can.
function fetchNow(name) {
  const request = new XMLHttpRequest();
  request.open("GET", new URL(`${name}.pack`, packs), false);
  request.responseType = "arraybuffer";
  request.send();
  if (request.status !== 200) throw new Error(`the pack ${name} answered ${request.status}`);
  return request.response;
}

async function fetchPack(name) {
  const answer = await fetch(new URL(`${name}.pack`, packs));
  if (!answer.ok) throw new Error(`the pack ${name} answered ${answer.status}`);
  return answer.arrayBuffer();
}

const FINDER = `
import importlib, sys

class Packs:
    """Brings the pack of a package when the package is imported for the first time."""

    def __init__(self, homes, bring):
        self.homes, self.bring = homes, bring

    def find_spec(self, name, path=None, target=None):
        home = self.homes.get(name)
        if home is None or path is not None:
            return None
        self.homes = {name: pack for name, pack in self.homes.items() if pack != home}
        self.bring(home, name)
        importlib.invalidate_caches()
        return importlib.util.find_spec(name)

sys.meta_path.append(Packs(homes, bring))
`;

export async function loadPyodide({ packages, ...options }) {
  const begun = ["coursekit", "python"];
  const arriving = Promise.all(begun.map(fetchPack));
  const imports = fetch(new URL("imports.json", packs)).then((answer) => answer.json());
  const { loadPyodide: load } = await import(new URL("pyodide.mjs", here));
  const python = await load({ ...options, indexURL: here.href });
  const folder = python.runPython("import site; site.getsitepackages()[0]");
  for (const buffer of await arriving) unpack(python, buffer, folder);
  const homes = Object.entries(await imports).filter(([, pack]) => !begun.includes(pack));
  const bring = (pack, name) => {
    console.info(`${name} brings the pack ${pack}`);
    unpack(python, fetchNow(pack), folder);
  };
  python.runPython(FINDER, { globals: python.toPy({ homes: Object.fromEntries(homes), bring }) });
  return python;
}
