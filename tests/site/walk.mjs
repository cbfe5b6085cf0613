// Walks every page of a built site in Chromium and prints what it saw as JSON.
//   node tests/site/walk.mjs _build/html
import { createServer } from "node:http";
import { readdir, readFile, stat } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { axe, open } from "./browser.mjs";

const [folder] = process.argv.slice(2);
const TYPES = {
  ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css",
  ".svg": "image/svg+xml", ".png": "image/png", ".json": "application/json", ".woff2": "font/woff2",
};

async function serve() {
  const server = createServer(async (request, response) => {
    let path = join(folder, decodeURIComponent(new URL(request.url, "http://site").pathname));
    try {
      if ((await stat(path)).isDirectory()) path = join(path, "index.html");
      const body = await readFile(path);
      const type = TYPES[extname(path)] ?? "application/octet-stream";
      response.writeHead(200, { "content-type": type, "cache-control": "max-age=600" }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return server;
}

async function pagesIn(place) {
  const found = [];
  for (const entry of await readdir(place, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || extname(entry.name) !== ".html") continue;
    const path = relative(place, join(entry.parentPath ?? entry.path, entry.name)).split(sep).join("/");
    if (!/^(_static|live)\//.test(path)) found.push(path);
  }
  return found.sort();
}

// --- in the page -------------------------------------------------------------------------

function readPage() {
  const here = location.href.split("#")[0];
  const links = [...document.querySelectorAll("a[href]")].map((link) => link.href);
  const style = getComputedStyle(document.documentElement);
  const names = ["ink", "paper", "curtain", "brass", "pass", "fail", "info", "line"];
  return {
    url: here,
    theme: document.documentElement.dataset.theme,
    lang: document.documentElement.lang,
    titles: document.querySelectorAll("h1:not(.onlyprint h1)").length,
    title: document.querySelector("article h1")?.innerText ?? "",
    links: [...new Set(links)],
    ids: [...document.querySelectorAll("[id]")].map((element) => element.id),
    without_alt: [...document.querySelectorAll("img:not([alt])")].map((image) => image.src),
    palette: Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--bx-${name}`).trim()])),
    wider: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    diagrams: document.querySelectorAll(".bx-mermaid").length,
    drawn: document.querySelectorAll(".bx-mermaid.bx-drawn > svg").length,
    widgets: document.querySelectorAll(".bx-play").length,
    icons: [...document.querySelectorAll("[class*=fa-]")].flatMap((icon) => [...icon.classList].filter((name) => /^fa-(?!solid|lg)/.test(name))),
    holding_up: [...document.querySelectorAll("head script[src]:not([defer], [async])")].map((script) => script.src),
    scripts_in_head: [...document.querySelectorAll("head script:not([src])")].reduce((sum, one) => sum + one.text.length, 0),
  };
}

async function settle(page) {
  await page.waitForFunction(() => {
    return document.querySelectorAll(".bx-mermaid:not(.bx-drawn)").length === 0;
  }, null, { timeout: 15000 }).catch(() => {});
}

// All that the page has loaded so far, unpacked.
function bytes() {
  const entries = ["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type));
  return entries.reduce((sum, entry) => sum + entry.decodedBodySize, 0);
}

// The words and pictures of a page; those of its furniture come from scripts.
async function read() {
  for (const picture of document.querySelectorAll("article img")) {
    if (!picture.checkVisibility()) continue;
    picture.loading = "eager"; // as if it were in view
    await picture.decode();
  }
  const menus = [...document.querySelectorAll(".bx-menus")];
  for (const one of menus) one.style.display = "none";
  const text = document.querySelector("article").innerText;
  for (const one of menus) one.style.display = "";
  const outputs = [...document.querySelectorAll("article .cell_output")].filter((one) => one.checkVisibility());
  const screens = [...document.querySelectorAll(".bx-screen")];
  return {
    words: [...new Set(text.split(/\s+/))],
    outputs: outputs.length,
    empty: outputs.filter((one) => !one.innerText.trim() && !one.querySelector("img, svg")).length,
    screens: screens.filter((one) => one.checkVisibility()).length,
    all_screens: screens.length,
    contents: [...document.querySelectorAll("nav.bd-links a")].filter((link) => link.checkVisibility()).map((link) => link.href),
  };
}

// What a reader sees in an element, its text and which pictures: without the choices of menus.
function shown(element) {
  if (element.nodeType === Node.TEXT_NODE) return element.data;
  const unseen = element.nodeType !== Node.ELEMENT_NODE || ["SELECT", "SCRIPT"].includes(element.tagName) || !element.checkVisibility();
  const { length } = element.src ?? "";
  if (!unseen && element.tagName === "IMG") return `picture ${length} ${element.src.slice(length / 2, length / 2 + 60)}`;
  return unseen ? "" : [...element.childNodes].map(shown).join(" ").replace(/\s+/g, " ");
}

// Each output with menus: every combination of choices, and what it showed.
async function tryWidgets(page) {
  const seen = [];
  await page.addScriptTag({ content: `window.shown = ${shown}` });
  for (const box of await page.locator(".bx-play").all()) {
    const menus = [];
    for (const menu of await box.locator("select").all())
      menus.push({ menu, options: await menu.locator("option").allTextContents() });
    const all = menus.reduce((rows, { options }) => rows.flatMap((row) => options.map((_, index) => [...row, index])), [[]]);
    const texts = [];
    for (const row of all.slice(0, 24)) {
      for (const [place, index] of row.entries()) await menus[place].menu.selectOption({ index });
      texts.push(await box.evaluate((element) => window.shown(element)));
    }
    seen.push({ options: menus.map(({ options }) => options), texts });
  }
  return seen;
}

// Of each kind of text one element: texts that share their colours, size and weight are as legible.
// What lies over another thing, or is moved, is a kind by itself.
function kindsOfText() {
  const grounds = new Map(); // what an element and those around it paint behind its text
  const ground = (element) => {
    if (!element) return "";
    if (!grounds.has(element)) {
      const { backgroundColor, backgroundImage, opacity, position, transform, filter } = getComputedStyle(element);
      const moved = /absolute|fixed|sticky/.test(position) || transform !== "none" || filter !== "none" || backgroundImage !== "none";
      const own = moved ? `${backgroundColor} by itself ${grounds.size}` : `${backgroundColor} ${opacity}`;
      const isOpaque = !moved && opacity === "1" && /^rgb\(/.test(backgroundColor);
      const nothing = !moved && opacity === "1" && backgroundColor === "rgba(0, 0, 0, 0)";
      const around = nothing || !isOpaque ? ground(element.parentElement) : "";
      grounds.set(element, nothing ? around : `${own} / ${around}`);
    }
    return grounds.get(element);
  };
  const kinds = new Map();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const element = text.parentElement;
    if (!text.data.trim() || !element.checkVisibility()) continue;
    const { color, fontSize, fontWeight, textShadow, textDecorationLine } = getComputedStyle(element);
    const link = element.closest("a");
    const around = link && getComputedStyle(link.parentElement).color;
    const kind = [ground(element), color, fontSize, fontWeight, textShadow, textDecorationLine, around].join(" | ");
    if (!kinds.has(kind)) kinds.set(kind, link ?? element);
  }
  return [...kinds.values()];
}

// What colours decide is looked at on one text of each kind; all else depends on no theme, so once.
async function findFaults(page, theme) {
  if (!(await page.evaluate(() => "axe" in window))) await page.addScriptTag({ path: axe });
  await page.addScriptTag({ content: `window.kindsOfText = ${kindsOfText}` });
  return page.evaluate(async (theme) => {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const colours = ["color-contrast", "link-in-text-block"];
    for (const element of window.kindsOfText()) element.dataset.kind = "first";
    const [text, link] = colours;
    window.axe.configure({ rules: [{ id: text, selector: "[data-kind]" }, { id: link, selector: "a[href][data-kind]" }] });
    const runOnly = theme === "light" ? { type: "tag", values: tags } : { type: "rule", values: colours };
    const { violations, incomplete } = await window.axe.run({ runOnly, resultTypes: ["violations", "incomplete"] });
    // Text in the very colour of its ground is no violation to axe, but "incomplete".
    const unseen = incomplete
      .filter(({ id }) => id === "color-contrast")
      .map((one) => ({ ...one, nodes: one.nodes.filter((node) => node.any[0]?.data?.messageKey === "equalRatio") }))
      .filter((one) => one.nodes.length);
    return [...violations, ...unseen].map(({ id, help, nodes }) => ({
      id, help, where: nodes.slice(0, 4).map((node) => `${node.target.join(" ")} ${node.any[0]?.message ?? node.failureSummary}`.slice(0, 300)),
    }));
  }, theme);
}

async function look(page, base, path, theme) {
  const seen = { page: path, asked: theme, errors: [], outside: [], failed: [] };
  page.removeAllListeners();
  page.on("request", (request) => {
    if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).origin !== base) seen.outside.push(request.url());
  });
  page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  page.on("response", (response) => response.status() >= 400 && seen.failed.push(response.url()));
  await page.setViewportSize(viewport);
  await page.goto(`${base}/${path}`, { waitUntil: "load" });
  if ((await readFile(join(folder, path), "utf8")).includes('http-equiv="refresh"'))
    await page.waitForURL((url) => url.href !== `${base}/${path}`); // a door: what is behind it
  await settle(page);
  Object.assign(seen, await page.evaluate(readPage), { bytes: await page.evaluate(bytes) });
  await page.keyboard.press("Tab");
  seen.first_stop = await page.evaluate(() => document.activeElement.getAttribute("href"));
  seen.faults = await findFaults(page, theme);
  if (theme === "light") {
    if (isLesson(path)) seen.read = await page.evaluate(read);
    seen.menus = seen.widgets ? await tryWidgets(page) : [];
    seen.bytes = await page.evaluate(bytes); // with every picture of every choice
    await page.setViewportSize({ width: 375, height: 800 });
    seen.wider_on_phone = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  }
  return seen;
}

// Pages of the book have the theme's colours alone: those with a drawing or code of their own stand for the rest.
const isInDark = (path) => !/^book\//.test(path) || /^book\/(architecture|glossary|cohorts\/costs|backend\/boxoffice)\.html/.test(path);

const isLesson = (path) => /^(notebooks|exercises)\//.test(path);

// The same page where no script runs.
async function lookWithout(page, base, path) {
  await page.goto(`${base}/${path}`, { waitUntil: "load" });
  const seen = await page.evaluate(read);
  await page.locator("nav.bd-links a").first().click();
  await page.waitForURL((url) => !url.pathname.endsWith(path));
  return { page: path, ...seen, led_to: page.url() };
}

// --- the walk ------------------------------------------------------------------------------

const server = await serve();
const base = `http://127.0.0.1:${server.address().port}`;
const browser = await open();
const paths = await pagesIn(folder);
const viewport = { width: 1280, height: 900 };
const contexts = { without: await browser.newContext({ viewport, javaScriptEnabled: false }) };
for (const colorScheme of ["light", "dark"]) contexts[colorScheme] = await browser.newContext({ viewport, colorScheme });

// The button that switches themes, pressed three times by keyboard: the themes it showed.
async function switchThemes() {
  const page = await contexts.light.newPage();
  await page.goto(`${base}/book/how_to_learn.html`, { waitUntil: "load" });
  await page.locator(".theme-switch-button").first().focus();
  const shown = [];
  for (let press = 0; press < 3; press++) {
    const before = await page.evaluate(() => document.documentElement.dataset.mode);
    await page.keyboard.press("Enter");
    await page.waitForFunction((before) => document.documentElement.dataset.mode !== before, before);
    shown.push(await page.evaluate(() => document.documentElement.dataset.theme));
  }
  await page.close();
  return shown;
}

const pages = [];
const without = [];
const work = [
  ...paths.map((path) => async ({ light }) => pages.push(await look(light, base, path, "light"))),
  ...paths.filter(isInDark).map((path) => async ({ dark }) => pages.push(await look(dark, base, path, "dark"))),
  ...paths.filter(isLesson).map((path) => async (tabs) => without.push(await lookWithout(tabs.without, base, path))),
];
await Promise.all([1, 2].map(async () => {
  const tabs = {};
  for (const [name, context] of Object.entries(contexts)) tabs[name] = await context.newPage();
  for (let job = work.shift(); job; job = work.shift()) await job(tabs);
}));
const switched = await switchThemes();
await browser.close();
server.close();
server.closeAllConnections();
process.stdout.write(JSON.stringify({ base, paths, pages, without, switched }));
