/** What the playground weighs as it is built, and that it names no other place. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { brotliCompressSync } from 'node:zlib'
import type { SiteFile } from '../../../src/dashboard/site.ts'
import { builtSite } from '../../support/shown.ts'

const site = builtSite()

/** What a browser loads before anybody trains on digits: the page, what it names, and what that names. */
function loaded(): Map<string, SiteFile> {
  const found = new Map<string, SiteFile>()
  const visit = (name: string) => {
    const file = site.get(name)
    if (!file || found.has(name)) return
    found.set(name, file)
    if (!/^text\//.test(file.type)) return
    const text = new TextDecoder().decode(file.bytes)
    for (const other of site.keys()) if (text.includes(other.split('/').at(-1)!) && !other.endsWith('/')) visit(other)
  }
  visit('/play/')
  return found
}

/** Of two sets of kernels a browser loads one; digits to train on and the slow backend come only when asked for. */
const LATER = /\/(irnn-simd128|digits|reference|_no-embedded)-[^/]*$/

test('the playground weighs at most 160 KB with the kernels, a trained network and digits', (t) => {
  const files = [...loaded()].filter(([name]) => !LATER.test(name))
  const names = files.map(([name]) => name).join(' ')
  for (const wanted of ['worker', 'irnn-relaxed-simd', 'reader', 'shown-digits', 'play']) {
    assert.ok(names.includes(`/${wanted}`), `${wanted} of ${names}`)
  }
  const bytes = files.map(([, file]) => brotliCompressSync(file.bytes).length).reduce((sum, one) => sum + one, 0)
  t.diagnostic(`${(bytes / 1000).toFixed(1)} KB in brotli`)
  assert.ok(bytes <= 160_000, `${bytes} bytes: ${names}`)
})

test('the digits to train on are 2,000, to test on 500, and lie in one file of 2 MB', () => {
  const digits = [...site].find(([name]) => name.startsWith('/assets/digits-'))![1]
  assert.equal(digits.bytes.length, 2500 * 785)
})

test('no file of the playground has an address of another place, or writes markup', () => {
  for (const [name, { bytes, type }] of loaded()) {
    if (!/^text\//.test(type)) continue
    const text = new TextDecoder().decode(bytes)
    const places = (text.match(/https?:\/\/[\w.-]+/g) ?? []).filter((place) => !/www\.w3\.org|arxiv\.org/.test(place))
    assert.deepEqual(places, [], name)
    assert.ok(!/insertAdjacentHTML|document\.write|\beval\(|new Function/.test(text), name)
  }
})
