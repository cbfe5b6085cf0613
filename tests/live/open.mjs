// What readers meet on the page that opens a lesson, in Chromium; prints what was seen as JSON.
//   node tests/live/open.mjs SITE
import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLesson, serve } from "./run.mjs";
import { axe, open } from "../site/browser.mjs";

const [folder] = process.argv.slice(2);
const LESSON = "notebooks/ch01_api/01_design_resources.ipynb";
const OTHER = "notebooks/ch01_api/02_implement_endpoints.ipynb";
const EXERCISES = "exercises/ch01_api/01_design_resources.ipynb";
const CELL = 1;

async function faults(page) {
  await page.addScriptTag({ path: axe });
  const { violations } = await page.evaluate(() => window.axe.run(document, { iframes: false }));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
}

const heading = (page) => page.locator("#heading").innerText();
const address = (site, path) => `${site.base}live/open.html?path=${encodeURIComponent(path)}`;

/** A browser without something: what the page says, and what it fetched before. */
async function without(browser, site, script) {
  const context = await browser.newContext();
  await context.addInitScript(script);
  const page = await context.newPage();
  site.sent.requests.length = 0;
  await page.goto(address(site, LESSON));
  await page.locator("#more p").first().waitFor();
  const seen = {
    heading: await heading(page), words: await page.locator("main").innerText(), faults: await faults(page),
    links: await page.locator("main a").evaluateAll((links) => links.map((link) => link.href)),
    fetched: site.sent.requests.map(([path]) => path),
  };
  await context.close();
  return seen;
}

/** The first visit: what the bar told while it filled, and the ways it could be read. */
async function arrive(page, site) {
  await page.addInitScript(() => {
    window.told = [];
    addEventListener("DOMContentLoaded", () => {
      const note = () => {
        const bar = document.querySelector("[role=progressbar]");
        if (bar?.id === "bar" && !bar.hidden) window.told.push([bar.getAttribute("aria-valuetext"), document.querySelector("#words").textContent]);
      };
      new MutationObserver(note).observe(document.body, { subtree: true, attributes: true, childList: true });
    });
  });
  site.sent.bytes = 0;
  await openLesson(page, site.base, LESSON);
  return { told: await page.evaluate(() => window.told), bytes: site.sent.bytes, status: await page.locator("#status").innerText(), faults: await faults(page) };
}

const panel = (frame, work, argument) => frame.evaluate(`(${work})(window.jupyterapp.shell.currentWidget, ${JSON.stringify(argument)})`);
const sourceOf = (frame) => panel(frame, (one, index) => one.content.model.cells.get(index).sharedModel.getSource(), CELL);

async function edit(frame, words) {
  await panel(frame, async (one, [index, words]) => {
    one.content.model.cells.get(index).sharedModel.setSource(words);
    await one.context.save();
  }, [CELL, words]);
}

/** In the page: a script of the notebook leaves what the browser keeps; `back` puts it there again. */
async function lose(back) {
  const address = new URL("build/notebooks/bundle.js", location.href).href;
  const names = (await caches.keys()).filter((name) => name.includes("/live/pack shell"));
  const cache = await caches.open(names[0]);
  if (back) return cache.put(address, new Response(window.lost, { headers: { "content-type": "text/javascript" } }));
  window.lost = await (await cache.match(address)).arrayBuffer();
  return cache.delete(address);
}

/** A script of the notebook does not load: once, then each time until the reader tries again. */
async function losing(context, site) {
  const keeper = await context.newPage(); // a page that can reach what the browser keeps
  await keeper.goto(address(site, "notebooks/none.ipynb"));
  const page = await context.newPage();
  const isLost = (response) => response.url().includes("/bundle.js") && response.status() === 404;
  await keeper.evaluate(lose);
  const back = page.waitForResponse(isLost).then(() => keeper.evaluate(lose, true));
  await openLesson(page, site.base, LESSON);
  await back;
  const again = await page.evaluate(() => document.documentElement.dataset.again);

  await keeper.evaluate(lose);
  await page.goto(address(site, LESSON));
  await page.locator("#more button").waitFor();
  const words = await page.locator("main").innerText();
  await keeper.evaluate(lose, true);
  await page.locator("#more button").click();
  await page.getByRole("status").getByText(/^Ready/).waitFor();
  await Promise.all([page.close(), keeper.close()]);
  return { again, words };
}

/** A release: the same site, where two lessons have another first cell. */
async function release(number) {
  const next = await mkdtemp(join(tmpdir(), "boxoffice-site-"));
  await cp(join(folder, "live"), join(next, "live"), { recursive: true });
  const list = join(next, "live", "manifest.json");
  const manifest = JSON.parse(await readFile(list, "utf8"));
  manifest.version = `release-${number}`;
  for (const path of [LESSON, OTHER]) {
    const file = join(next, "live", "files", path);
    const notebook = JSON.parse(await readFile(file, "utf8"));
    notebook.cells[CELL].source = `print("release ${number}")`;
    await writeFile(file, JSON.stringify(notebook));
    const words = notebook.cells.map((cell) => [cell.cell_type, [cell.source].flat().join("")]);
    manifest.lessons[path].mark = createHash("sha256").update(JSON.stringify(words)).digest("hex");
  }
  await writeFile(list, JSON.stringify(manifest));
  return next;
}

/** Open a lesson, take the release that the page offers, and answer its question, where it asks. */
async function update(page, site, path, answer) {
  await page.evaluate(() => localStorage.setItem(`${new URL("./", location).pathname}asked`, 0));
  await openLesson(page, site.base, path);
  await page.locator("#notice:not([hidden]) button").first().waitFor();
  const offered = await page.locator("#notice").innerText();
  await page.locator("#notice button").first().click();
  await page.waitForFunction(() => !document.documentElement.dataset.ready);
  let asked = "";
  if (answer) {
    await page.locator("#more button").first().waitFor();
    asked = await page.locator("main").innerText();
    await page.getByRole("button", { name: answer }).click();
  }
  await page.waitForFunction(() => document.documentElement.dataset.ready);
  const frame = page.frames().find((one) => one.url().includes("/notebooks/index.html"));
  const names = await frame.evaluate(async () => {
    const folder = await window.jupyterapp.serviceManager.contents.get("notebooks/ch01_api", { content: true });
    return folder.content.map((one) => one.name);
  });
  return { offered, asked, source: await sourceOf(frame), names };
}

/** What the notebook in the tab does otherwise than JupyterLite: links, outputs, a cell without an end. */
async function work(page, site) {
  const inside = page.frameLocator("#notebook");
  const status = page.locator("#status");
  let frame = await openLesson(page, site.base, EXERCISES);
  await inside.getByRole("link", { name: "lesson 1.1" }).first().click();
  await page.waitForURL(/path=notebooks/, { waitUntil: "commit" });
  await page.waitForFunction(() => document.documentElement.dataset.ready);
  frame = page.frames().find((one) => one.url().includes("/notebooks/index.html"));
  const printed = await panel(frame, (one) => [...one.content.model.cells].reduce((sum, cell) => sum + (cell.outputs?.length ?? 0), 0));
  await edit(frame, "while True: pass");
  await inside.locator(".jp-CodeCell .cm-content").first().click();
  await page.keyboard.press("Shift+Enter");
  await status.getByText("Running").waitFor();
  await inside.locator('[data-command="notebook:interrupt-kernel"]').click();
  const offer = await page.locator("#notice p").innerText();
  await page.getByRole("button", { name: "Restart Python" }).click();
  await status.getByText(/^Ready/).waitFor();
  await edit(frame, "6 * 7");
  await inside.locator(".jp-CodeCell .cm-content").first().click();
  await page.keyboard.press("Shift+Enter");
  await inside.getByText("42", { exact: true }).waitFor();
  return { printed, offer, to: page.url() };
}

const browser = await open();
const site = await serve(folder);
const releases = [];
const seen = {};
try {
  seen.no_jspi = await without(browser, site, () => delete WebAssembly.Suspending);
  seen.no_storage = await without(browser, site, () => Object.defineProperty(IDBFactory.prototype, "open", { value() { throw new Error("not allowed"); } }));

  const context = await browser.newContext();
  const page = await context.newPage();
  page.on("dialog", (dialog) => dialog.accept()); // "Leave this page?" of a notebook that is just saving
  await page.goto(address(site, "notebooks/none.ipynb"));
  await page.locator("#more a").waitFor();
  seen.unknown = { heading: await heading(page) };

  await context.route(/pack\.gz$/, (route) => route.abort());
  await page.goto(address(site, LESSON));
  await page.locator("#more button").waitFor();
  seen.cut = { heading: await heading(page), button: await page.locator("#more button").innerText() };
  await context.unroute(/pack\.gz$/);

  seen.first = await arrive(page, site);
  let frame = page.frames().find((one) => one.url().includes("/notebooks/index.html"));
  await edit(frame, "print('mine')");
  site.sent.bytes = 0;
  site.sent.requests.length = 0;
  frame = await openLesson(page, site.base, LESSON);
  seen.again = { source: await sourceOf(frame), bytes: site.sent.bytes, requests: [...site.sent.requests] };

  seen.lost = await losing(context, site);

  frame = await openLesson(page, site.base, OTHER);
  await panel(frame, async (one) => one.context.save());
  const other = await browser.newContext(); // another reader
  seen.work = await work(await other.newPage(), site);
  await other.close();
  seen.release = {};
  for (const [number, path, answer] of [[1, LESSON, "Open the new one"], [2, OTHER, ""], [3, LESSON, "Go on with mine"]]) {
    if (number === 3) await edit(await openLesson(page, site.base, LESSON), "print('mine again')");
    releases.push((site.folder = await release(number)));
    seen.release[number] = await update(page, site, path, answer);
  }
  await context.close();
} finally {
  await browser.close();
  site.close();
  for (const place of releases) await rm(place, { recursive: true });
}
process.stdout.write(JSON.stringify(seen));
