// Opens a page from the disk, light, dark and without scripts, and prints what it saw as JSON.
//   node tests/site/report.mjs PAGE.html
import { pathToFileURL } from "node:url";
import { axe, open } from "./browser.mjs";

const address = pathToFileURL(process.argv[2]).href;
const browser = await open();
const seen = {};
async function look(name, options, work) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const requests = [], errors = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await page.goto(address, { waitUntil: "load" });
  seen[name] = { ...(await work(page)), requests: requests.filter((url) => url !== address && !url.startsWith("data:")), errors };
  await context.close();
}

async function faults(page) {
  await page.evaluate(() => { for (const folded of document.querySelectorAll("details")) folded.open = true; });
  await page.addScriptTag({ path: axe });
  return page.evaluate(async () => {
    const values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const { violations } = await window.axe.run(document, { runOnly: { type: "tag", values }, resultTypes: ["violations"] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 200)} ${nodes[0].failureSummary}`);
  });
}

const width = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
try {
  for (const colorScheme of ["light", "dark"])
    await look(colorScheme, { colorScheme, bypassCSP: true }, async (page) => ({
      ground: await page.evaluate(() => getComputedStyle(document.body).backgroundColor),
      faults: await faults(page),
    }));
  await look("plain", { javaScriptEnabled: false }, async (page) => ({ text: await page.locator("main").innerText() }));
  await look("phone", { viewport: { width: 360, height: 740 } }, async (page) => ({ wider: await width(page) }));
  await look("sorted", {}, async (page) => {
    const names = () => page.locator(".seats tbody th").allInnerTexts();
    const before = await names();
    const button = page.locator(".seats").getByRole("button", { name: "Passed" });
    await button.press("Enter");
    const sort = await page.locator(".seats th[aria-sort]").getAttribute("aria-sort");
    const column = await page.locator(".seats tbody td:nth-child(2)").allInnerTexts();
    return { before, after: await names(), sort, column: column.map(Number) };
  });
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));
