import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, rejects, unavailable, withSandbox } from './sdk.mjs'

const held = withSandbox({ language: 'python' })

test('executeCommand takes cwd and env, and returns exit code and both streams', async () => {
  const { process } = held.sandbox
  const ran = await process.executeCommand('pwd; printf "%s\\n" "$WHO" >&2; exit 7', '/tmp', { WHO: 'caller' })
  assert.equal(ran.exitCode, 7)
  assert.equal(ran.result, '/tmp\ncaller\n')
  assert.equal(ran.artifacts.stdout, ran.result)
})

test('executeCommand keeps UTF-8 and long output', async () => {
  const { process } = held.sandbox
  assert.equal((await process.executeCommand('printf "grüße 漢字"')).result, 'grüße 漢字')
  assert.equal((await process.executeCommand('head -c 300000 /dev/zero | tr "\\0" x')).result.length, 300000)
})

test('executeCommand ends at its timeout', async () => {
  await rejects(held.sandbox.process.executeCommand('sleep 60', undefined, undefined, 1), 'DaytonaTimeoutError', 408)
  await rejects(held.sandbox.process.executeCommand('sleep 60', undefined, undefined, 1), 'DaytonaProcessExecutionTimeoutError', 408)
  assert.equal((await held.sandbox.process.executeCommand('pgrep -c sleep')).result, '0\n')
})

test('a cwd that does not exist is the command\'s failure', async () => {
  const ran = await held.sandbox.process.executeCommand('true', '/no/such/dir')
  assert.equal(ran.exitCode, -1)
})

test('codeRun runs python', async () => {
  const code = 'import os, sys\nprint("from", os.environ["WHO"], sys.argv[1:])\nsys.exit(3)'
  const ran = await held.sandbox.process.codeRun(code, { argv: ['a', 'b'], env: { WHO: 'python' } }, 30)
  assert.equal(ran.exitCode, 3)
  assert.equal(ran.result, "from python ['a', 'b']\n")
})

test('codeRun hands charts over', async () => {
  const chart = { type: 'line', title: 'T', elements: [] }
  const line = `dtn_artifact_k39fd2:${JSON.stringify({ type: 'chart', value: chart })}`
  const ran = await held.sandbox.process.codeRun(`print("before")\nprint('''${line}''')\nprint("after")`)
  assert.equal(ran.result, 'before\nafter\n')
  assert.equal(ran.artifacts.charts.length, 1)
  assert.equal(ran.artifacts.charts[0].title, 'T')
})

test('codeRun ends at its timeout', async () => {
  await rejects(held.sandbox.process.codeRun('import time; time.sleep(60)', undefined, 1), 'DaytonaTimeoutError', 408)
})

/** other runs a test in a sandbox of another language. */
async function other(language, use) {
  const daytona = connect()
  const sandbox = await daytona.create({ language })
  try {
    await use(sandbox)
  } finally {
    await daytona.delete(sandbox, 60, true)
  }
}

test('codeRun runs javascript', (t) => other('javascript', async (sandbox) => {
  if ((await sandbox.process.executeCommand('command -v node')).exitCode !== 0) return unavailable(t, 'javascript: there is no node in /usr')
  const code = 'console.log("from", process.env.WHO, process.argv.slice(1)); process.exit(4)'
  const ran = await sandbox.process.codeRun(code, { argv: ['a'], env: { WHO: 'javascript' } })
  assert.equal(ran.exitCode, 4)
  assert.equal(ran.result, "from javascript [ 'a' ]\n")
}))

test('codeRun runs typescript where node can, and says so where not', () => other('typescript', async (sandbox) => {
  const { result } = await sandbox.process.executeCommand('node -p process.versions.node')
  const [major, minor] = result.split('.').map(Number)
  const program = sandbox.process.codeRun('const n: number = 41; console.log(n + 1)')
  if (major > 22 || (major === 22 && minor >= 6)) assert.equal((await program).result, '42\n')
  else await rejects(program, 'DaytonaBadRequestError', 400)
}))
