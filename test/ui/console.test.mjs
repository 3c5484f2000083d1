// What a person does in Temporal's UI, with no other page. Links are those of `starter doctor`.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';

const links = JSON.parse(process.env.LINKS);
const pictures = process.env.PICTURES; // a folder; none are taken without it
const patience = 60_000; // of one wait: the machine may be busy
let browser, page;

before(async () => {
  // Debian's chromium refuses its own sandbox to root; the pages are those of this stack.
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: process.getuid() === 0 ? ['--no-sandbox'] : [] });
  page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
  page.setDefaultTimeout(patience);
});
after(() => browser?.close());

const picture = async (name) => pictures && page.screenshot({ path: `${pictures}/${name}.png` });

// openForm opens a form and waits until it has filled itself in.
async function openForm(name) {
  await page.goto(links[name]);
  await page.waitForFunction(() => document.querySelector('.cm-content')?.textContent.includes('{'));
}

// input replaces the form's JSON, and leaves the editor, which then lays the text out.
async function input(json) {
  await page.click('.cm-content');
  await page.keyboard.press('Control+A');
  await page.keyboard.insertText(json);
  await page.locator('#workflowId').focus();
}

const button = () => page.getByTestId('start-workflow-button');

// start starts what the form says under an ID, and opens the page of that run.
async function start(id) {
  await page.fill('#workflowId', id);
  const answered = page.waitForResponse((r) => r.request().method() === 'POST' && r.url().includes('/workflows/'));
  await button().click();
  const { runId } = await (await answered).json();
  assert.ok(runId, 'the server started it');
  const run = `${links.base}/namespaces/default/workflows/${encodeURIComponent(id)}/${runId}/timeline`;
  await page.goto(run);
  return run;
}

// status waits until the run's page says so: it does not always hear of the end by itself.
async function status(text) {
  for (const began = Date.now(); ; await page.reload()) {
    try {
      await page.getByTestId('execution-status').getByText(text, { exact: true }).waitFor({ timeout: 15_000 });
      return;
    } catch (e) {
      if (Date.now() - began > patience) throw e;
    }
  }
}

// details are the text of the run's current details, once it matches.
async function details(pattern) {
  await page.goto(page.url().replace(/\/(timeline|history|user-metadata).*/, '/user-metadata'));
  for (const began = Date.now(); ; await page.waitForTimeout(300)) {
    for (const frame of page.frames().slice(1)) {
      const text = await frame.evaluate(() => document.body?.innerText ?? '').catch(() => '');
      if (pattern.test(text)) return { text, frame };
    }
    if (Date.now() - began > patience) assert.fail(`no details like ${pattern}`);
    await page.keyboard.press('r');
  }
}

const evalOf = (code, more = {}) => JSON.stringify({ job: { steps: [{ name: 's', language: 'python', code, time_limit: '700s' }] }, ...more });

test('the form opens filled in, starts an eval, and shows its progress and its result', async () => {
  await openForm('start an eval');
  assert.equal(await page.inputValue('#taskQueue'), 'pitwall');
  assert.equal(await page.inputValue('#workflowType'), 'EvalWorkflow');
  await picture('form-eval');
  await start('ui/eval');
  await status('Completed');
  await page.getByText('"passed": true').first().waitFor();
  await picture('eval');
  const { text } = await details(/outcome +passed/);
  assert.match(text, /removal +proven/);
  await picture('eval-details');
});

test('what waits for a slot is listed as waiting, what runs as running, and a cancel ends it', async () => {
  await openForm('start an eval');
  await input(evalOf('import time; time.sleep(600)'));
  const slow = await start('ui/slow');
  await details(/phase +running/);
  await picture('eval-running');
  await openForm('start an eval');
  const waits = await start('ui/waits');
  for (const [view, listed, not] of [['waiting for capacity', 'ui/waits', 'ui/slow'], ['running', 'ui/slow', 'template/eval']]) {
    await page.goto(links[view]);
    await page.getByRole('link', { name: listed, exact: true }).first().waitFor();
    assert.equal(await page.getByRole('link', { name: not, exact: true }).count(), 0);
    await picture(`view-${view.replaceAll(' ', '-')}`);
  }
  await page.goto(slow);
  await page.getByRole('button', { name: 'Request Cancellation' }).click();
  await picture('cancel');
  await page.getByRole('dialog').getByRole('button', { name: 'Confirm' }).click();
  await status('Canceled');
  await details(/outcome +cancelled/);
  await page.goto(waits);
  await status('Completed');
});

test('the form starts a campaign, and shows its table', async () => {
  await openForm('start a campaign');
  assert.equal(await page.inputValue('#workflowType'), 'CampaignWorkflow');
  await start('campaign/from-ui');
  await status('Completed');
  await page.getByText('"verdict": "PASS"').first().waitFor();
  await picture('campaign');
  const { text } = await details(/finished +3 of 3/);
  assert.match(text, /passed +2\n/);
  await picture('campaign-details');
});

// update sends the run one of the updates that the page offers, and waits for its answer.
async function update(name, data) {
  await page.getByRole('button', { name: 'More Actions' }).click();
  await page.getByRole('menuitem', { name: 'Send an Update' }).click();
  const dialog = page.getByRole('alertdialog').or(page.getByRole('dialog')).filter({ hasText: 'Update ID' });
  await dialog.getByTestId('update-select-button').click();
  await picture(`update-${name}`);
  await dialog.getByRole('option').filter({ has: page.getByText(name, { exact: true }) }).click();
  if (data !== undefined) {
    await dialog.locator('.cm-content').click();
    await page.keyboard.insertText(data);
  }
  const answered = page.waitForResponse((r) => r.request().method() === 'POST' && r.url().includes('/update/'));
  await dialog.getByRole('button', { name: 'Submit' }).click();
  assert.ok((await answered).ok(), `${name} was taken`);
}

test('a running campaign is paused, told to run more at once, and resumed', async () => {
  await openForm('start a campaign');
  const spec = JSON.parse(await page.locator('.cm-content').innerText());
  spec.max_parallel = 1;
  spec.eval.job.steps[0] = { name: 's', command: 'sleep 3' };
  await input(JSON.stringify(spec));
  const run = await start('campaign/steered-from-ui');
  await update('pause');
  await details(/paused/);
  await picture('campaign-paused');
  await page.goto(run);
  await update('parallel', '3');
  await details(/parallel +3/);
  await page.goto(run);
  await update('resume');
  await status('Completed');
  await details(/finished +3 of 3/);
});

test('text that is no JSON cannot be started', async () => {
  await openForm('start an eval');
  await input('{"job":');
  await page.getByText('Input must be valid JSON').waitFor();
  assert.equal(await button().isEnabled(), false);
  await picture('no-json');
});

const refusals = [
  ['ui/misspelt', 'start an eval', '{"job":{"steps":[{"comand":"true"}]}}', /comand/],
  ['ui/wrong-value', 'start an eval', '{"job":{"steps":[{"command":"true"}]},"max_attempts":99}', /max_attempts/],
  ['campaign/misspelt', 'start a campaign', '{"datset":{"uri":"x"},"eval":{"job":{"steps":[{"command":"true"}]}}}', /datset/],
  ['template/eval', 'start an eval', undefined, /belongs to the template/],
  ['template/campaign', 'start a campaign', undefined, /belongs to the template/],
];
for (const [id, form, json, says] of refusals) {
  test(`a person reads why ${id} was refused`, async () => {
    await openForm(form);
    if (json) await input(json);
    await start(id);
    await status('Failed');
    await page.getByText(says).first().waitFor();
    await picture(`refused-${id.replaceAll('/', '-')}`);
  });
}

test('what failed is listed, and no template', async () => {
  await page.goto(links['failed since yesterday']);
  for (const id of ['ui/misspelt', 'ui/wrong-value', 'campaign/misspelt']) await page.getByRole('link', { name: id }).first().waitFor();
  await picture('view-failed');
  assert.equal(await page.getByRole('link', { name: 'ui/eval', exact: true }).count(), 0);
});

test('nothing that a sandbox wrote is interpreted', async () => {
  const hostile = '``` <img src=x onerror=alert(1)> [click](javascript:alert(1)) ![x](http://127.0.0.1:1/x.png) <script>';
  let dialogs = 0;
  page.on('dialog', (dialog) => (dialogs++, dialog.dismiss()));
  // The scorer's explanation names what stands twice in the file.
  const name = JSON.stringify(hostile);
  const file = `{"score": 1, ${name}: 1, ${name}: 2}`;
  await openForm('start an eval');
  await input(evalOf(`open("score.json", "w").write(${JSON.stringify(file)})`, { scorer: { type: 'json_file', path: 'score.json' } }));
  await start('ui/hostile');
  await status('Completed');
  await page.getByText('onerror').first().waitFor();
  const { frame } = await details(/score +0 .*onerror/);
  assert.equal(await frame.locator('img, script, a, h1').count(), 0);
  await picture('hostile');
  assert.equal(dialogs, 0);
});
