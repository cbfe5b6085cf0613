// Answers from what the browser keeps; JupyterLite's own worker, below, does the drive of files.
importScripts("page/store.js");

let manifest; // asked for once in the life of this worker, and when the page says it changed
const bringing = new Map();

addEventListener("message", ({ data }) => {
  if (data === "manifest") manifest = undefined;
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
  const packs = Object.values(manifest.packs);
  for (const pack of packs) {
    if (!pack.holds.some((start) => path.startsWith(start))) continue;
    const found = await caches.match(address, { cacheName: Store.cacheOf(pack) });
    if (found) return found;
    if (pack.whole && !(await Store.has(pack))) {
      await bring(pack);
      return caches.match(address, { cacheName: Store.cacheOf(pack) });
    }
  }
  const seen = await caches.open(Store.seenOf(manifest));
  const kept = await seen.match(address);
  if (kept) return kept;
  const fresh = await fetch(request);
  if (fresh.status === 200) await seen.put(address, fresh.clone());
  return fresh;
}

// Two cells may import from the same pack.
function bring(pack) {
  if (!bringing.has(pack.file)) bringing.set(pack.file, Store.keep(pack).finally(() => bringing.delete(pack.file)));
  return bringing.get(pack.file);
}

importScripts("jupyterlite-worker.js");
