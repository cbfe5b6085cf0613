// Opens a lesson of the built site as a reader does, runs its cells, and tells what each gave.
//   node tests/live/run.mjs PATH [SITE]      e.g. notebooks/ch01_api/01_design_resources.ipynb
// As a library: `serve`, `openLesson`, `runNotebook`.
import { createServer } from "node:http";
import { readFile, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { open } from "../site/browser.mjs";

const TYPES = {
  ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml",
  ".png": "image/png", ".json": "application/json", ".ipynb": "application/json", ".woff2": "font/woff2", ".wasm": "application/wasm",
  ".whl": "application/zip", ".gz": "application/gzip",
};
const PACKED = new Set([".html", ".js", ".mjs", ".css", ".svg", ".json", ".ipynb", ".wasm"]);
export const SITE = fileURLToPath(new URL("../../_build/html", import.meta.url));

/** A static host: files below a prefix, compressed as hosts do; it counts what it sends. */
export async function serve(folder = SITE, prefix = "/box-office/") {
  const sent = { bytes: 0, requests: [], missing: [] };
  const squeezed = new Map(); // a host does not compress a file anew for each reader
  const site = { folder, sent }; // another folder may take its place: a new release
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://site");
    let path = join(site.folder, decodeURIComponent(pathname.slice(prefix.length)));
    try {
      if (!pathname.startsWith(prefix)) throw new Error("outside the prefix");
      if ((await stat(path)).isDirectory()) path = join(path, "index.html");
      let body = await readFile(path);
      const headers = { "content-type": TYPES[extname(path)] ?? "application/octet-stream", "cache-control": "max-age=600" };
      if (PACKED.has(extname(path)) && /gzip/.test(request.headers["accept-encoding"])) {
        const known = `${path} ${(await stat(path)).mtimeMs}`;
        if (!squeezed.has(known)) squeezed.set(known, gzipSync(body));
        body = squeezed.get(known);
        headers["content-encoding"] = "gzip";
      }
      sent.bytes += body.length;
      sent.requests.push([pathname, body.length]);
      response.writeHead(200, { ...headers, "content-length": body.length }).end(body);
    } catch {
      sent.missing.push(pathname);
      response.writeHead(404).end();
    }
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  site.base = `http://127.0.0.1:${server.address().port}${prefix}`;
  site.close = () => (server.close(), server.closeAllConnections());
  return site;
}

/** Open a lesson through the loading page; resolves when the kernel answers. */
export async function openLesson(page, base, path, seconds = 120) {
  await page.goto(`${base}live/open.html?path=${encodeURIComponent(path)}`, { waitUntil: "commit" });
  await page.waitForFunction(() => document.documentElement.dataset.ready, null, { timeout: seconds * 1000, polling: 50 });
  return page.frames().find((frame) => frame.url().includes("/notebooks/index.html"));
}

/**
 * Run a notebook from its first cell to its last, as "Run all" does; a cell with an error stops nothing.
 * `cells`: [{ index, source }] to put in place before. Resolves to [{ index, type, tags, source, outputs, error, ms }].
 */
export async function runNotebook(page, { base, path, cells = [], only, seconds = 60 }) {
  const frame = await openLesson(page, base, path);
  return frame.evaluate(runCells, { cells, only, seconds });
}

/** In the page: the model is read, for long notebooks are drawn in part only. */
export async function runCells({ cells, only, seconds }) {
  const panel = window.jupyterapp.shell.currentWidget;
  const { model } = panel.content;
  await panel.context.ready;
  await panel.sessionContext.ready;
  for (const { index, source } of cells) model.cells.get(index).sharedModel.setSource(source);
  const seen = [];
  for (let index = 0; index < model.cells.length; index++) {
    const cell = model.cells.get(index);
    if (cell.type !== "code" || (only && !only.includes(index))) continue;
    const begun = performance.now();
    panel.content.activeCellIndex = index;
    let late = false;
    const done = window.jupyterapp.commands.execute("notebook:run-cell");
    await Promise.race([done, new Promise((no) => setTimeout(no, seconds * 1000)).then(() => (late = true))]);
    const outputs = cell.outputs.toJSON();
    const error = outputs.find((one) => one.output_type === "error");
    seen.push({
      index, tags: cell.getMetadata("tags") ?? [], source: cell.sharedModel.getSource(), outputs,
      error: late ? `no answer in ${seconds} s` : error ? `${error.ename}: ${error.evalue}` : null, ms: Math.round(performance.now() - begun),
    });
    if (late) break;
  }
  return seen;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [path, folder = SITE] = process.argv.slice(2);
  const site = await serve(folder);
  const browser = await open();
  const page = await browser.newPage();
  page.on("console", (message) => message.type() === "error" && console.error("console:", message.text().slice(0, 500)));
  page.on("pageerror", (error) => console.error("page:", String(error).slice(0, 500)));
  try {
    for (const cell of await runNotebook(page, { base: site.base, path })) {
      const words = cell.outputs.map((one) => [one.text ?? one.data?.["text/plain"] ?? one.traceback ?? ""].flat().join("\n")).join(" | ").replace(/\x1b\[[0-9;]*m/g, "");
      console.log(`${cell.error ? "✗" : "✓"} ${cell.index} ${cell.ms} ms ${cell.error ? `${cell.error}\n${words.slice(-1500)}` : words.slice(0, 100).replaceAll("\n", "⏎")}`);
    }
    if (site.sent.missing.length) console.log("not there:", site.sent.missing.join(" "));
  } finally {
    await browser.close();
    site.close();
  }
}
