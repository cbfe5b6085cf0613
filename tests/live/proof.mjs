// Runs notebooks of the built site in Chromium with the network closed, two at a time.
//   node tests/live/proof.mjs SITE < plan.json > result.json
// plan: [{ path, cells: [{ index, source }], then: [{ name, code: [source] }] }]; each entry starts
// with an empty kernel, `then` runs after its cells. result: { entries, outside, missing, console,
// again }: `again` are the lessons of which a script did not load at once, with the console's words.
import { open } from "../site/browser.mjs";
import { openLesson, runCells, serve } from "./run.mjs";

const LANES = ["light", "dark"];

/** In the page: run code that stands in no cell; what each piece printed, as plain text. */
async function runCode({ code, seconds }) {
  const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
  const said = [];
  for (const source of code) {
    const future = kernel.requestExecute({ code: source, stop_on_error: false });
    let words = "";
    future.onIOPub = ({ content }) => {
      const text = content.text ?? content.data?.["text/plain"] ?? (content.ename && `${content.ename}: ${content.evalue}`) ?? "";
      words += [text].flat().join("");
    };
    await Promise.race([future.done, new Promise((no) => setTimeout(no, seconds * 1000))]);
    said.push(words);
  }
  return said;
}

async function runEntry(page, base, { path, cells = [], then = [] }, noted) {
  const begun = Date.now();
  try {
    const frame = await openLesson(page, base, path);
    const ready = Date.now() - begun;
    const again = await page.evaluate(() => document.documentElement.dataset.again);
    if (again) noted.again.push([path, again, noted.console.splice(0).join(" ")]);
    const ran = await frame.evaluate(runCells, { cells, seconds: 90 });
    const after = {};
    for (const { name, code } of then) after[name] = await frame.evaluate(runCode, { code, seconds: 90 });
    return { path, ready, ms: Date.now() - begun, cells: ran, then: after };
  } catch (error) {
    return { path, ms: Date.now() - begun, failed: String(error).slice(0, 2000) };
  }
}

async function runLane(browser, base, colorScheme, waiting, found) {
  const context = await browser.newContext({ colorScheme });
  const { origin } = new URL(base); // beside the prefix: the server counts it as missing
  context.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !/^(data|blob|about):/.test(url)) found.outside.push(url);
  });
  for (let entry; (entry = waiting.shift()); ) {
    const page = await context.newPage();
    const noted = { console: [], again: found.again };
    const note = (words) => noted.console.push(`${entry.path}: ${words.slice(0, 500)}`);
    page.on("console", (message) => message.type() === "error" && note(message.text()));
    page.on("pageerror", (error) => note(String(error)));
    found.entries.push(await runEntry(page, base, entry, noted));
    found.console.push(...noted.console);
    process.stderr.write(`${entry.path} ${Math.round(found.entries.at(-1).ms / 1000)} s\n`);
    await page.close();
  }
  await context.close();
}

let plan = "";
for await (const chunk of process.stdin) plan += chunk;
const site = await serve(process.argv[2]);
const browser = await open();
const found = { entries: [], outside: [], console: [], again: [] };
const waiting = JSON.parse(plan);
try {
  await Promise.all(LANES.map((theme) => runLane(browser, site.base, theme, waiting, found)));
} finally {
  await browser.close();
  site.close();
}
process.stdout.write(JSON.stringify({ ...found, missing: site.sent.missing }));
