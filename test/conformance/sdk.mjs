// The SDK under test, and what every test file needs of it.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before } from 'node:test'

export const sdk = await import(process.env.SDK ?? 'daytona-sdk-0.216')

// Different values in different test files, which run beside each other.
export const unique = (prefix) => `${prefix}-${randomUUID()}`

// apiUrl is given outright: the SDK would look for a .env file otherwise.
export const connect = (apiKey = process.env.DAYTONA_API_KEY) =>
  new sdk.Daytona({ apiKey, apiUrl: process.env.DAYTONA_API_URL })

/** One sandbox for the tests of a file, removed after them. */
export function withSandbox(params) {
  const held = {}
  before(async () => {
    held.daytona = connect()
    held.sandbox = await held.daytona.create(params)
  })
  after(async () => {
    if (held.sandbox) await held.daytona.delete(held.sandbox, 60, true)
  })
  return held
}

/** rejects checks the SDK's own class of an error, and its HTTP status. */
export async function rejects(promise, className, statusCode) {
  assert.equal(typeof sdk[className], 'function', `the SDK exports ${className}`)
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof sdk[className], `${error?.constructor?.name}: ${error?.message} is no ${className}`)
    assert.equal(error.statusCode, statusCode, error.message)
    return true
  })
}

/** unavailable marks a part that this machine cannot run; where every part must run, it fails. */
export function unavailable(t, why) {
  if (process.env.PITWALL_TEST_STRICT === '1') assert.fail(`not run: ${why}`)
  t.skip(`not run: ${why}`)
}
