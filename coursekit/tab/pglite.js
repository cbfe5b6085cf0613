// PostgreSQL in a page: one PGlite, many databases.
//
// PGlite is one PostgreSQL process with one session in one database. Each "database" here is the
// whole state of such a process (the pages of its memory that differ from the first start, and
// its files, copied when they are written to), so that a copy costs little and a change of
// database costs a scan of the memory. Everything after `open` is synchronous.
//
// An expression: evaluates to `async (address, settings) => Server`.
(async (address, settings) => {
  const PAGE = 16384;
  const WORDS = PAGE / 8;

  const { PGlite } = await import(address);
  const instantiate = WebAssembly.instantiate;
  const ends = new Map(); // memory → the address of the word that says where its used part ends
  WebAssembly.instantiate = async (source, imports) => {
    const made = await instantiate(source, imports);
    const { exports } = made.instance ?? made;
    const memory = imports?.env?.memory;
    if (memory) ends.set(memory, exports.emscripten_get_sbrk_ptr?.());
    return made;
  };
  const create = () => PGlite.create({
    ...settings,
    startParams: [
      ...PGlite.defaultStartParams,
      "-c", "shared_buffers=32MB",
      "-c", "lc_messages=C",
    ],
  });
  const pglite = await create().finally(() => { WebAssembly.instantiate = instantiate; });
  const module = pglite.mod;
  const files = module.FS;

  const command = (text) => {
    const body = new TextEncoder().encode(text + "\0");
    const bytes = new Uint8Array(5 + body.length);
    bytes[0] = 81; // Q
    new DataView(bytes.buffer).setInt32(1, 4 + body.length);
    bytes.set(body, 5);
    return pglite.execProtocolRawSync(bytes);
  };
  // A library that is loaded later would be known to the page and unknown to an older state.
  command("do $$ begin end $$; select to_tsvector('english', 'tickets')");

  // --- memory ------------------------------------------------------------------------------

  /** How much of the memory is in use; what lies above is all zeros. */
  const end = ends.get(module.wasmMemory);
  const used = () => {
    const heap = module.HEAPU8;
    const bytes = end ? new DataView(heap.buffer).getUint32(end, true) : heap.length;
    return Math.ceil(bytes / PAGE);
  };
  let reached = used();
  const first = module.HEAPU8.slice(0, reached * PAGE);
  const firstWords = new BigUint64Array(first.buffer);
  /** The pages that differ from the first start. */
  const scan = () => {
    const found = new Map();
    const heap = module.HEAPU8;
    const words = new BigUint64Array(heap.buffer);
    reached = Math.max(reached, used());
    for (let page = 0, at = 0; page < reached; page++, at += WORDS) {
      for (let i = at, end = at + WORDS; i < end; i++) {
        if (words[i] !== (i < firstWords.length ? firstWords[i] : 0n)) {
          found.set(page, heap.slice(page * PAGE, (page + 1) * PAGE));
          break;
        }
      }
    }
    return found;
  };

  /** Bring the memory, whose pages `now` differ from the first start, to those of `then`. */
  const fill = (now, then) => {
    const heap = module.HEAPU8;
    for (const page of now.keys()) {
      const at = page * PAGE;
      if (then.has(page)) continue;
      if (at < first.length) heap.set(first.subarray(at, at + PAGE), at);
      else heap.fill(0, at, at + PAGE);
    }
    for (const [page, bytes] of then) heap.set(bytes, page * PAGE);
  };

  // --- files -------------------------------------------------------------------------------

  const data = files.lookupPath(module.ENV.PGDATA).node;
  const shared = new WeakSet(); // contents that some saved state refers to

  const own = (node) => {
    if (node.contents && shared.has(node.contents)) node.contents = node.contents.slice();
  };
  const anyFile = files.lookupPath(`${module.ENV.PGDATA}/PG_VERSION`).node;
  for (const [table, name, nodeOf] of [
    [anyFile.stream_ops, "write", (stream) => stream.node],
    [anyFile.stream_ops, "allocate", (stream) => stream.node],
    [anyFile.stream_ops, "mmap", (stream) => stream.node],
    [anyFile.node_ops, "setattr", (node) => node],
  ]) {
    const real = table[name];
    if (real) {
      table[name] = function (target, ...rest) {
        own(nodeOf(target));
        return real.call(this, target, ...rest);
      };
    }
  }

  const walk = (folder, visit) => {
    for (const node of Object.values(folder.contents)) {
      visit(node);
      if (files.isDir(node.mode)) walk(node, visit);
    }
  };

  const saveFiles = () => {
    const tree = [];
    walk(data, (node) => {
      const isFile = files.isFile(node.mode);
      if (isFile && node.contents) shared.add(node.contents);
      tree.push({
        node, parent: node.parent, name: node.name, mode: node.mode, isFile,
        contents: isFile ? node.contents : null, usedBytes: node.usedBytes,
        times: [node.atime, node.mtime, node.ctime],
      });
    });
    const streams = files.streams.map((stream) =>
      stream ? { stream, node: stream.node, position: stream.position, flags: stream.flags } : null);
    return { tree, streams };
  };

  const restoreFiles = ({ tree, streams }) => {
    const wanted = new Set(tree.map((entry) => entry.node));
    const leaving = [];
    walk(data, (node) => { leaving.push(node); });
    for (const node of leaving) {
      files.hashRemoveNode(node);
      if (files.isDir(node.mode)) node.contents = {};
    }
    data.contents = {};
    for (const entry of tree) { // parents come before their children
      const { node } = entry;
      node.parent = entry.parent;
      node.name = entry.name;
      node.mode = entry.mode;
      [node.atime, node.mtime, node.ctime] = entry.times;
      if (entry.isFile) {
        node.contents = entry.contents;
        node.usedBytes = entry.usedBytes;
      } else node.contents = {};
      files.hashAddNode(node);
      entry.parent.contents[entry.name] = node;
    }
    files.streams.length = 0;
    streams.forEach((saved, number) => {
      if (!saved) return;
      saved.stream.fd = number; // a close takes it away
      saved.stream.node = saved.node;
      saved.stream.position = saved.position;
      saved.stream.flags = saved.flags;
      files.streams[number] = saved.stream;
    });
  };

  // --- databases ---------------------------------------------------------------------------

  const states = new Map([["postgres", { memory: scan(), ...saveFiles() }]]);
  let active = "postgres"; // the one in the memory; null where that was dropped
  let moved = false; // since it was saved

  const save = () => {
    const state = moved ? { memory: scan(), ...saveFiles() } : states.get(active);
    if (active !== null) states.set(active, state);
    moved = false;
    return state;
  };
  const need = (name) => {
    if (!states.has(name)) throw new Error(`database "${name}" does not exist`);
    return states.get(name);
  };
  const use = (name) => {
    if (name === active) return;
    const state = need(name);
    fill(active === null ? scan() : save().memory, state.memory);
    restoreFiles(state);
    active = name;
    moved = false;
  };
  const forget = (name) => {
    if (name === active) active = null;
    states.delete(name);
  };

  return {
    names: () => [...states.keys()].sort(),
    has: (name) => states.has(name),
    /** Send messages of PostgreSQL's protocol to a database; its answer. */
    exchange(name, bytes) {
      use(name);
      moved = true;
      return pglite.execProtocolRawSync(bytes);
    },
    /** Make `to`, in place of what has that name, a copy of `from`: open transactions too. */
    copy(from, to) {
      const state = from === active ? save() : need(from);
      forget(to);
      states.set(to, state);
    },
    drop: forget,
    rename(from, to) {
      const state = from === active ? save() : need(from);
      forget(to);
      states.delete(from);
      states.set(to, state);
      if (active === from) active = to;
    },
    /** Bytes of memory that a database holds for itself, of all that is in use. */
    weight: (name) => [need(name).memory.size * PAGE, reached * PAGE],
  };
})
