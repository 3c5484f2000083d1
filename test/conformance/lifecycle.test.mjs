import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { connect, rejects, sdk, unique } from './sdk.mjs'

const daytona = connect()
const campaign = unique('campaign')
const name = unique('lifecycle')
let sandbox

before(async () => {
  sandbox = await daytona.create({
    name,
    language: 'python',
    envVars: { COLOUR: 'green', QUOTED: `a "b" 'c' $d` },
    labels: { campaign, trial: '1' },
    autoStopInterval: 30,
    ttlMinutes: 60,
  })
})

after(async () => {
  for await (const left of daytona.list({ labels: { campaign } })) await daytona.delete(left, 60, true)
})

test('create returns a started sandbox as it was asked for', () => {
  assert.equal(sandbox.state, 'started')
  assert.equal(sandbox.name, name)
  assert.match(sandbox.id, /^[0-9a-f-]{36}$/)
  assert.equal(sandbox.labels.campaign, campaign)
  assert.equal(sandbox.labels.trial, '1')
  assert.equal(sandbox.autoStopInterval, 30)
  assert.deepEqual(sandbox.env, { COLOUR: 'green', QUOTED: `a "b" 'c' $d` })
})

test('env reaches every command', async () => {
  const { exitCode, result } = await sandbox.process.executeCommand('printf %s "$COLOUR|$QUOTED"')
  assert.deepEqual({ exitCode, result }, { exitCode: 0, result: `green|a "b" 'c' $d` })
})

test('home and work dir are daytona\'s', async () => {
  assert.equal(await sandbox.getUserHomeDir(), '/home/daytona')
  assert.equal(await sandbox.getWorkDir(), '/home/daytona')
  assert.equal((await sandbox.process.executeCommand('id -un; pwd')).result, 'daytona\n/home/daytona\n')
})

test('get finds it by id and by name', async () => {
  assert.equal((await daytona.get(sandbox.id)).name, name)
  assert.equal((await daytona.get(name)).id, sandbox.id)
})

test('list selects by labels, page by page', async () => {
  const second = await daytona.create({ labels: { campaign, trial: '2' } })
  const ids = async (labels, limit) => {
    const found = []
    for await (const item of daytona.list({ labels, limit })) found.push(item.id)
    return found.sort()
  }
  assert.deepEqual(await ids({ campaign }, 1), [sandbox.id, second.id].sort())
  assert.deepEqual(await ids({ campaign, trial: '2' }), [second.id])
  assert.deepEqual(await ids({ campaign: 'another' }), [])
  await second.delete()
})

test('labels can be replaced', async () => {
  const labels = { ...sandbox.labels, campaign, trial: 'changed' }
  assert.deepEqual(await sandbox.setLabels(labels), labels)
  await sandbox.refreshData()
  assert.equal(sandbox.labels.trial, 'changed')
})

test('intervals can be changed', async () => {
  await sandbox.setAutostopInterval(45)
  await sandbox.setAutoDeleteInterval(120)
  await sandbox.refreshData()
  assert.equal(sandbox.autoStopInterval, 45)
  assert.equal(sandbox.autoDeleteInterval, 120)
})

test('a stopped sandbox refuses commands, starts again, and has kept its files', async () => {
  await sandbox.process.executeCommand('echo kept > note; sleep 600 >/dev/null 2>&1 &')
  await daytona.stop(sandbox)
  assert.equal(sandbox.state, 'stopped')
  await assert.rejects(sandbox.process.executeCommand('true'), sdk.DaytonaError)
  await daytona.start(sandbox, 60)
  assert.equal(sandbox.state, 'started')
  assert.equal((await sandbox.process.executeCommand('cat note; pgrep -c sleep')).result, 'kept\n0\n')
})

test('an ephemeral sandbox is destroyed by its stop', async () => {
  const brief = await daytona.create({ labels: { campaign }, ephemeral: true })
  await brief.stop()
  assert.equal(brief.state, 'destroyed')
  await rejects(daytona.get(brief.id), 'DaytonaNotFoundError', 404)
})

test('delete frees the name at once and ends in 404', async () => {
  await daytona.delete(sandbox)
  const again = await daytona.create({ name, labels: { campaign } })
  assert.notEqual(again.id, sandbox.id)
  await daytona.delete(again, 60, true)
  await rejects(daytona.get(again.id), 'DaytonaNotFoundError', 404)
  await rejects(daytona.get(name), 'DaytonaNotFoundError', 404)
})
