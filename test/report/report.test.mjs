// REPORT is the file of a campaign of 10,000 trials, CHROMIUM the browser's program, PICTURES an optional folder for pictures.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const { REPORT, CHROMIUM, PICTURES } = process.env;
const address = pathToFileURL(REPORT).href;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let browser;
before(async () => {
  browser = await chromium.launch({ executablePath: CHROMIUM, chromiumSandbox: process.getuid() !== 0 });
});
after(() => browser?.close());

// opened is a page that has the report, with all that it asked for and complained of.
async function opened(options, use) {
  const context = await browser.newContext({ offline: true, viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const asked = [], complaints = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("dialog", (dialog) => { complaints.push("dialog: " + dialog.message()); dialog.dismiss(); });
  try {
    await page.goto(address);
    await use(page);
    assert.deepEqual(asked, [address], "nothing but the file is asked for");
    assert.deepEqual(complaints, []);
    assert.equal(await page.evaluate(() => globalThis.hacked), undefined, "nothing that a sandbox wrote was run");
  } finally {
    await context.close();
  }
}

const samples = (page) => page.locator("tbody tr:not(.details) > th").allTextContents();
const count = (page) => page.locator(".count").textContent();
const picture = (page, name) => PICTURES && page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage: true });

async function accessible(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"] }));
  assert.deepEqual(violations.filter((v) => ["serious", "critical"].includes(v.impact)).map((v) => [v.id, v.nodes.map((n) => n.html.slice(0, 200))]), []);
}

test("sorts, filters and expands 10,000 rows", () => opened({}, async (page) => {
  assert.equal(await count(page), "10000 of 10000 trials");
  assert.equal((await samples(page)).length, 100, "one page of rows stands in the document");
  await page.getByRole("button", { name: "Score" }).click();
  assert.equal(await page.locator("th[aria-sort=ascending]").textContent(), "Score");
  const ascending = await page.locator("tbody tr td:nth-child(5)").allTextContents();
  assert.deepEqual(ascending, ascending.toSorted((a, b) => a - b));
  await page.getByRole("button", { name: "Score" }).click();
  assert.equal(await page.locator("tbody tr td:nth-child(5)").first().textContent(), "1");
  await page.getByRole("button", { name: "Sample", exact: true }).click();
  await page.getByRole("button", { name: "Next" }).click();
  assert.equal(await page.locator(".pages span").textContent(), "101–200");
  await page.getByLabel("Search").fill("sample/77");
  assert.equal(await count(page), "111 of 10000 trials");
  await page.getByLabel("Outcome").selectOption("failed");
  const failed = await page.locator("tbody tr td:nth-child(4)").allTextContents();
  assert.ok(failed.length > 0 && failed.every((text) => text === "failed"));
  await page.getByLabel("Search").fill("no such trial");
  assert.equal(await count(page), "0 of 10000 trials");
}));

test("shows hostile texts as text", () => opened({}, async (page) => {
  await page.getByLabel("Search").fill("hostile");
  const names = await samples(page);
  assert.ok(names.some((name) => name.includes("<img src=x onerror=")), names.join("\n"));
  assert.ok(names.some((name) => name.includes("\\u202e")), "what reorders text is escaped");
  for (const button of (await page.locator("tbody th button").all()).slice(0, 8)) {
    await button.focus();
    await page.keyboard.press("Enter");
    assert.equal(await button.getAttribute("aria-expanded"), "true");
  }
  const texts = (await page.locator("tr.details pre").allTextContents()).join("\n");
  for (const part of ["</script><script>globalThis.hacked", "\\x1b[2J", "\\u2028", "[REDACTED:"]) assert.ok(texts.includes(part), part);
  assert.equal(await page.locator("main img, main iframe, main a, main object").count(), 0);
  assert.ok((await page.locator("tr.details").first().textContent()).includes("confirmed by 404"));
  await accessible(page);
}));

for (const colorScheme of ["light", "dark"]) {
  for (const [device, viewport] of [["desktop", { width: 1280, height: 900 }], ["phone", { width: 390, height: 844 }]]) {
    test(`is readable: ${colorScheme}, ${device}`, () => opened({ colorScheme, viewport }, async (page) => {
      await page.locator("tbody th button").first().click();
      const { scroll, client } = await page.evaluate(() => ({ scroll: document.documentElement.scrollWidth, client: document.documentElement.clientWidth }));
      assert.ok(scroll <= client, `the page is ${scroll} wide in a window of ${client}`);
      await accessible(page);
      await picture(page, `${colorScheme}-${device}`);
    }));
  }
}

test("says without JavaScript where the rows are", async () => {
  const context = await browser.newContext({ offline: true, javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(address);
  assert.ok((await page.locator("noscript").textContent()).includes("starter campaign results"));
  assert.ok(await page.locator("figure svg").count() >= 4);
  await context.close();
});
