import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rejects, unique, withSandbox } from './sdk.mjs'

const held = withSandbox()

async function session(use) {
  const { process } = held.sandbox
  const id = unique('session')
  await process.createSession(id)
  try {
    await use(process, id)
  } finally {
    await process.deleteSession(id)
  }
}

/** stream follows a command's logs to their end. */
async function stream(process, id, command) {
  const seen = { stdout: '', stderr: '', pieces: 0 }
  await process.getSessionCommandLogs(id, command,
    (text) => { seen.stdout += text; seen.pieces++ },
    (text) => { seen.stderr += text; seen.pieces++ })
  return seen
}

test('a session keeps its state from command to command', () => session(async (process, id) => {
  await process.executeSessionCommand(id, { command: 'cd /tmp && export N=1' })
  const ran = await process.executeSessionCommand(id, { command: 'echo $PWD $N; echo problem >&2; (exit 5)' })
  assert.equal(ran.exitCode, 5)
  assert.equal(ran.stdout, '/tmp 1\n')
  assert.equal(ran.stderr, 'problem\n')
}))

test('an async command is seen running, streamed while it runs, and has its exit code', () => session(async (process, id) => {
  const command = 'echo first; echo oops >&2; until [ -e /tmp/go ]; do sleep 0.05; done; echo last; (exit 3)'
  const { cmdId } = await process.executeSessionCommand(id, { command, runAsync: true })
  assert.ok(cmdId)
  assert.equal((await process.getSessionCommand(id, cmdId)).exitCode ?? undefined, undefined, 'it has not ended')
  let stdout = ''
  let stderr = ''
  await process.getSessionCommandLogs(id, cmdId, (text) => {
    stdout += text
    if (stdout.includes('first')) held.sandbox.process.executeCommand('touch /tmp/go') // only what was streamed can let it end
  }, (text) => { stderr += text })
  assert.equal(stdout, 'first\nlast\n')
  assert.equal(stderr, 'oops\n')
  assert.equal((await process.getSessionCommand(id, cmdId)).exitCode, 3)
}))

test('logs are whole, over HTTP and over the stream, and again from the beginning', () => session(async (process, id) => {
  const { cmdId } = await process.executeSessionCommand(id, { command: 'i=0; while [ $i -lt 5000 ]; do echo line $i; echo warn $i >&2; i=$((i+1)); done', runAsync: true })
  const expected = (word) => Array.from({ length: 5000 }, (_, i) => `${word} ${i}\n`).join('')
  for (const seen of [await stream(process, id, cmdId), await stream(process, id, cmdId)]) {
    assert.equal(seen.stdout, expected('line'))
    assert.equal(seen.stderr, expected('warn'))
  }
  const logs = await process.getSessionCommandLogs(id, cmdId)
  assert.equal(logs.stdout, expected('line'))
  assert.equal(logs.stderr, expected('warn'))
}))

test('a stream keeps its sides apart wherever its messages end', () => session(async (process, id) => {
  // Each length puts the switch to stderr elsewhere about the end of the server's first message of 16 KiB.
  for (let length = 16374; length <= 16384; length++) {
    const command = `head -c ${length} /dev/zero | tr '\\0' x; sleep 0.05; echo end >&2`
    const { cmdId } = await process.executeSessionCommand(id, { command })
    const { stdout, stderr } = await stream(process, id, cmdId)
    assert.equal(stderr, 'end\n', `after ${length} bytes`)
    assert.equal(stdout.length, length)
  }
}))

test('a command reads what is sent to it', () => session(async (process, id) => {
  const { cmdId } = await process.executeSessionCommand(id, { command: 'read answer; echo "got $answer"', runAsync: true, suppressInputEcho: true })
  await process.sendSessionCommandInput(id, cmdId, 'forty-two')
  assert.match((await stream(process, id, cmdId)).stdout, /got forty-two\n$/)
}))

test('sessions and their commands are listed', () => session(async (process, id) => {
  const { cmdId } = await process.executeSessionCommand(id, { command: 'true' })
  const listed = (await process.listSessions()).find((each) => each.sessionId === id)
  assert.deepEqual(listed.commands.map(({ id, exitCode }) => ({ id, exitCode })), [{ id: cmdId, exitCode: 0 }])
  assert.equal((await process.getSession(id)).sessionId, id)
}))

test('a session of the same id is refused, an unknown one is not found', () => session(async (process, id) => {
  await rejects(process.createSession(id), 'DaytonaConflictError', 409)
  await rejects(process.getSession('no-such-session'), 'DaytonaNotFoundError', 404)
  await rejects(process.getSessionCommand(id, 'no-such-command'), 'DaytonaNotFoundError', 404)
}))

test('deleting a session ends its commands', async () => {
  const { process } = held.sandbox
  const id = unique('session')
  await process.createSession(id)
  await process.executeSessionCommand(id, { command: 'sleep 601', runAsync: true })
  await process.deleteSession(id)
  assert.equal((await process.executeCommand('pgrep -fc "sleep 60[1]"')).result, '0\n')
})
