// Times lessons in Chromium; prints JSON.
//   node tests/bench/tab.mjs open SITE EMPTY ROUNDS    from the button to the first cell's output
//   node tests/bench/tab.mjs cells SITE NOTEBOOK TOLD  milliseconds of each %%check, TOLD: cells to put in place
//   node tests/bench/tab.mjs pages SITE                bytes of each lesson's page
import { readdirSync } from "node:fs";
import { open } from "../site/browser.mjs";
import { runNotebook, serve } from "../live/run.mjs";

const FIRST = "notebooks/ch01_api/01_design_resources";
const [what, folder, ...more] = process.argv.slice(2);

/** In the page: run the first code cell as soon as it can be run; when its output stood. */
async function runFirst(wanted) {
  const until = async (found) => {
    for (;;) {
      const value = found();
      if (value) return value;
      await new Promise((next) => setTimeout(next, 20));
    }
  };
  const inner = await until(() => {
    const frame = document.getElementById("notebook")?.contentWindow ?? window;
    return frame.jupyterapp?.shell?.currentWidget?.sessionContext && frame;
  });
  const panel = inner.jupyterapp.shell.currentWidget;
  await panel.context.ready;
  await panel.revealed;
  await panel.sessionContext.ready;
  const cells = panel.content.model.cells;
  let index = 0;
  while (cells.get(index).type !== "code") index++;
  const cell = cells.get(index);
  cell.outputs.clear(); // a lesson brings those of a computer
  panel.content.activeCellIndex = index;
  inner.jupyterapp.commands.execute("notebook:run-cell");
  const text = () => JSON.stringify(cell.outputs.toJSON());
  await until(() => cell.outputs.length && !text().includes('"error"') && text().includes(wanted));
  return Date.now();
}

/** From a press of the button on the lesson's page to the output of its first cell. */
async function openLesson(context, site) {
  const page = await context.newPage();
  await page.goto(`${site.base}${FIRST}.html`);
  const before = site.sent.requests.length;
  await page.evaluate(() => (localStorage.begun = Date.now()));
  await page.locator("p.bx-launch a").click();
  await page.waitForURL(/open\.html/);
  const ended = await page.evaluate(runFirst, "is ready");
  const begun = Number(await page.evaluate(() => localStorage.begun));
  const requests = site.sent.requests.slice(before);
  await page.close();
  return { seconds: (ended - begun) / 1000, bytes: requests.reduce((sum, [, size]) => sum + size, 0), requests };
}

/** An empty JupyterLite from its address to the `1` that its only cell prints. */
async function openEmpty(browser, site) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const before = site.sent.bytes;
  const begun = Date.now();
  await page.goto(`${site.base}notebooks/index.html?path=one.ipynb`, { waitUntil: "commit" });
  const ended = await page.evaluate(runFirst, "1\\n");
  await context.close();
  return { seconds: (ended - begun) / 1000, bytes: site.sent.bytes - before };
}

async function openings(empty, rounds) {
  const site = await serve(folder);
  const bare = await serve(empty);
  const told = { cold: [], warm: [], empty: [] };
  for (let round = 0; round <= Number(rounds); round++) {
    const browser = await open();
    const context = await browser.newContext();
    const found = { empty: await openEmpty(browser, bare), cold: await openLesson(context, site), warm: await openLesson(context, site) };
    await browser.close();
    if (round > 0) for (const [name, one] of Object.entries(found)) told[name].push(one); // the first fills the server's memory
  }
  site.close();
  bare.close();
  return told;
}

async function cells(path, told) {
  const site = await serve(folder);
  const browser = await open();
  const page = await (await browser.newContext()).newPage();
  const ran = await runNotebook(page, { base: site.base, path, cells: JSON.parse(told) });
  await browser.close();
  site.close();
  const checks = ran.filter((cell) => cell.source.startsWith("%%check"));
  const failed = checks.find((cell) => cell.error);
  if (failed) throw new Error(`${failed.source.split("\n")[0]}: ${failed.error}`);
  const text = ran.at(-1).outputs.map((one) => [one.text ?? ""].flat().join("")).join("");
  return { took: JSON.parse(text.match(/took (\[.*\])/)[1]), seen: checks.map(({ ms }) => ms) };
}

async function pages() {
  const site = await serve(folder);
  const browser = await open();
  const told = {};
  const names = ["notebooks", "exercises"].flatMap((part) =>
    readdirSync(`${folder}/${part}`, { recursive: true }).filter((name) => name.endsWith(".html")).map((name) => `${part}/${name}`));
  for (const name of names) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(site.base + name, { waitUntil: "load" });
    told[name] = await page.evaluate(() => {
      const entries = ["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type));
      const sum = (size) => entries.reduce((all, entry) => all + entry[size], 0);
      return { unpacked: sum("decodedBodySize"), packed: sum("encodedBodySize") };
    });
    await context.close();
  }
  await browser.close();
  site.close();
  return told;
}

const work = { open: openings, cells, pages }[what];
process.stdout.write(JSON.stringify(await work(...more)));
