import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, rejects, unique, withSandbox } from './sdk.mjs'

const name = unique('errors')
const held = withSandbox({ name })

test('a name that is taken is a conflict', async () => {
  await rejects(held.daytona.create({ name }), 'DaytonaConflictError', 409)
})

test('what is not there is not found', async () => {
  await rejects(held.daytona.get(unique('nobody')), 'DaytonaNotFoundError', 404)
})

test('a wrong key is refused', async () => {
  await rejects(connect('wrong-key').get(name), 'DaytonaAuthenticationError', 401)
})

test('an unknown snapshot is a bad request that names it', async () => {
  await rejects(held.daytona.create({ snapshot: 'no-such-snapshot' }), 'DaytonaBadRequestError', 400)
  await assert.rejects(held.daytona.create({ snapshot: 'no-such-snapshot' }), /no-such-snapshot/)
})

test('an image cannot be built here, and the answer says so', async () => {
  await rejects(held.daytona.create({ image: 'debian:12' }), 'DaytonaBadRequestError', 400)
})

test('start of a started sandbox changes nothing', async () => {
  await held.daytona.start(held.sandbox, 60)
  assert.equal(held.sandbox.state, 'started')
})
