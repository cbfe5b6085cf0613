// What the page and its service worker share: packs, fetched once and kept in the browser.
// A classic script, for `importScripts` and `<script src>` alike.
const Store = (() => {
  const root = new URL("./", self.registration?.scope ?? document.baseURI);
  const NAME = `${root.pathname}pack `;
  const CURRENT = `${root.pathname}current`;
  const COMPLETE = new URL("complete", root).href;
  const TYPES = {
    css: "text/css", data: "application/octet-stream", html: "text/html; charset=utf-8",
    js: "text/javascript", json: "application/json", mjs: "text/javascript", svg: "image/svg+xml",
    wasm: "application/wasm", woff2: "font/woff2", ico: "image/x-icon", png: "image/png",
  };
  const cacheOf = (pack) => NAME + pack.file;

  /** The list of packs that this browser works with; undefined before the first visit. */
  async function current() {
    const answer = await (await caches.open(CURRENT)).match(root.href);
    return answer?.json();
  }

  async function setCurrent(manifest) {
    const body = JSON.stringify(manifest);
    await (await caches.open(CURRENT)).put(root.href, new Response(body, { headers: { "content-type": "application/json" } }));
    const kept = new Set([CURRENT, seenOf(manifest), ...Object.values(manifest.packs).map(cacheOf)]);
    for (const name of await caches.keys())
      if (name.startsWith(root.pathname) && !kept.has(name)) await caches.delete(name);
  }

  const seenOf = (manifest) => `${root.pathname}seen ${manifest.version}`;

  async function has(pack) {
    if (!(await caches.has(cacheOf(pack)))) return false;
    return (await (await caches.open(cacheOf(pack))).match(COMPLETE)) !== undefined;
  }

  /** Fetch a pack and keep its files; `progress` is told how many bytes have come. */
  async function keep(pack, progress = () => {}) {
    const answer = await fetch(new URL(`packs/${pack.file}`, root));
    if (!answer.ok) throw new Error(`${pack.file} answered ${answer.status}`);
    const counted = new TransformStream({
      transform(chunk, controller) {
        progress(chunk.length);
        controller.enqueue(chunk);
      },
    });
    const [fresh, check] = answer.body.pipeThrough(counted).tee();
    const digest = new Response(check).arrayBuffer().then((body) => crypto.subtle.digest("SHA-256", body));
    const whole = await new Response(fresh.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
    const seen = [...new Uint8Array(await digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    if (seen !== pack.digest) throw new Error(`${pack.file} is not what it should be`);
    const cache = await caches.open(cacheOf(pack));
    await Promise.all([...filesOf(whole)].map(([name, bytes]) => cache.put(new URL(name, root), response(name, bytes))));
    await cache.put(COMPLETE, new Response(""));
  }

  function* filesOf(buffer) {
    const length = new DataView(buffer).getUint32(0, true);
    const listed = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
    let place = 4 + length;
    for (const [name, size] of listed) {
      yield [name, new Uint8Array(buffer, place, size)];
      place += size;
    }
  }

  function response(name, bytes) {
    const type = TYPES[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream";
    return new Response(bytes, { headers: { "content-type": type, "content-length": bytes.length } });
  }

  return { root, cacheOf, current, has, keep, seenOf, setCurrent };
})();
