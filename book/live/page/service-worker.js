// Answers from what the browser keeps; JupyterLite's own worker, below, does the drive of files.
importScripts("page/store.js");

let manifest; // asked for once in the life of this worker, and when the page says it changed
const bringing = new Map();

addEventListener("message", (event) => {
  if (event.data === "manifest") manifest = undefined;
  if (event.data === "claim") event.waitUntil(clients.claim());
});

addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  const path = url.href.startsWith(Store.root.href) ? url.href.slice(Store.root.href.length).split(/[?#]/)[0] : undefined;
  if (path === undefined || event.request.method !== "GET" || /^(packs\/|manifest\.json$|service-worker|jupyterlite-worker|api\/(drive|stdin)|api\/service-worker)/.test(path)) return;
  event.stopImmediatePropagation();
  event.respondWith(answer(event.request, path));
});

async function answer(request, path) {
  manifest ??= await Store.current();
  if (!manifest) return fetch(request);
  const address = new URL(path, Store.root).href;
  for (const pack of packsOf(path)) {
    if (!(await Store.has(pack))) await bring(pack);
    const found = await caches.match(address, { cacheName: Store.cacheOf(pack) });
    if (found) return found;
  }
  // A folder of the reader's own: JupyterLite asks what the site has in it.
  if (path.startsWith("api/contents/")) return Response.json({ content: [] });
  const seen = await caches.open(Store.seenOf(manifest));
  const kept = await seen.match(address);
  if (kept) return kept;
  const fresh = await fetch(request.url, { cache: "no-cache" }); // a host lets a browser keep the last release's
  if (fresh.status === 200) await seen.put(address, fresh.clone());
  return fresh;
}

/** The packs that may hold a file, the likeliest first: of which an address begins the most alike. */
function packsOf(path) {
  const alike = Object.values(manifest.packs).map((pack) => [Math.max(...pack.holds.map((start) => (path.startsWith(start) ? start.length : 0))), pack]);
  return alike.filter(([length]) => length).sort(([one], [other]) => other - one).map(([, pack]) => pack);
}

// Two cells may import from the same pack.
function bring(pack) {
  if (!bringing.has(pack.file)) bringing.set(pack.file, Store.keep(pack).finally(() => bringing.delete(pack.file)));
  return bringing.get(pack.file);
}

importScripts("jupyterlite-worker.js");
