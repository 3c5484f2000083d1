import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { rejects, withSandbox } from './sdk.mjs'

const held = withSandbox()
let dir
before(async () => { dir = await mkdtemp(path.join(tmpdir(), 'conformance-')) })
after(() => rm(dir, { recursive: true, force: true }))

const bytes = Buffer.from(Array.from({ length: 3 << 20 }, (_, i) => (i * 31 + (i >> 8)) & 0xff))

test('uploadFile takes a buffer and downloadFile gives it back', async () => {
  const { fs } = held.sandbox
  await fs.uploadFile(bytes, 'new/dir/blob.bin')
  assert.ok(bytes.equals(await fs.downloadFile('new/dir/blob.bin')))
  assert.ok(bytes.equals(await fs.downloadFile('/home/daytona/new/dir/blob.bin')))
})

test('uploadFile takes a path and downloadFile writes to one', async () => {
  const { fs } = held.sandbox
  await writeFile(path.join(dir, 'here.bin'), bytes)
  await fs.uploadFile(path.join(dir, 'here.bin'), '/tmp/there.bin')
  await fs.downloadFile('/tmp/there.bin', path.join(dir, 'back.bin'))
  assert.ok(bytes.equals(await readFile(path.join(dir, 'back.bin'))))
})

test('uploadFiles and downloadFiles move many, and tell the missing one', async () => {
  const { fs } = held.sandbox
  await writeFile(path.join(dir, 'b.txt'), 'B')
  await fs.uploadFiles([
    { source: Buffer.from('A'), destination: 'many/a b.txt' },
    { source: path.join(dir, 'b.txt'), destination: 'many/ü.txt' },
    { source: Buffer.alloc(0), destination: 'many/empty' },
  ])
  const got = await fs.downloadFiles([
    { source: 'many/a b.txt' }, { source: 'many/ü.txt', destination: path.join(dir, 'b-back.txt') }, { source: 'many/empty' }, { source: 'many/missing' },
  ])
  assert.equal(got[0].result.toString(), 'A')
  assert.equal(await readFile(path.join(dir, 'b-back.txt'), 'utf8'), 'B')
  assert.equal(got[2].result.length, 0)
  assert.ok(got[3].error)
  assert.equal(got[3].errorDetails.statusCode, 404)
})

test('listFiles describes what is there', async () => {
  const { fs } = held.sandbox
  await fs.createFolder('listed/sub', '755')
  await fs.uploadFile(Buffer.from('12345'), 'listed/five')
  const found = Object.fromEntries((await fs.listFiles('listed')).map((file) => [file.name, file]))
  assert.deepEqual(Object.keys(found).sort(), ['five', 'sub'])
  assert.equal(found.five.size, 5)
  assert.equal(found.five.isDir, false)
  assert.equal(found.five.owner, 'daytona')
  assert.equal(found.sub.isDir, true)
  assert.ok(!Number.isNaN(Date.parse(found.five.modTime)))
  assert.equal((await fs.getFileDetails('listed/five')).size, 5)
})

test('files can be searched, replaced in, moved, re-moded and deleted', async () => {
  const { fs, process } = held.sandbox
  await fs.uploadFile(Buffer.from('one\nneedle two\n'), 'work/a.txt')
  const [match] = await fs.findFiles('work', 'needle')
  assert.equal(match.line, 2)
  assert.ok(match.file.endsWith('work/a.txt'))
  assert.equal((await fs.searchFiles('work', '*.txt')).files.length, 1)
  await fs.replaceInFiles(['work/a.txt'], 'needle', 'thread')
  await fs.setFilePermissions('work/a.txt', { mode: '600' })
  await fs.moveFiles('work/a.txt', 'work/b.txt')
  assert.equal((await process.executeCommand('stat -c %a work/b.txt; cat work/b.txt')).result, '600\none\nthread two\n')
  await fs.deleteFile('work', true)
  await rejects(fs.getFileDetails('work'), 'DaytonaNotFoundError', 404)
})

test('errors of files have the SDK\'s own classes', async () => {
  const { fs } = held.sandbox
  await rejects(fs.downloadFile('no/such/file'), 'DaytonaNotFoundError', 404)
  await rejects(fs.downloadFile('no/such/file'), 'DaytonaFileNotFoundError', 404)
  await rejects(fs.listFiles('no/such/dir'), 'DaytonaNotFoundError', 404)
  await rejects(fs.uploadFile(Buffer.from('x'), '/usr/no'), 'DaytonaBadRequestError', 400)
})
