// Writes tests/golden/cids.json: the CIDs that the reference importer gives, for sizes around every boundary.
//
//   node tests/interop/make_golden_cids.mjs > tests/golden/cids.json
//
// The content of every file is byte i = i mod 251, so that neighbouring chunks differ and any of them is cheap to make.
import { readFileSync } from 'node:fs'
import { importer } from 'ipfs-unixfs-importer'

const PROFILE = 'unixfs-v1-2025'
const MIB = 1024 * 1024
const SIZES = [
  0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB, 2 * MIB + 1,
  1023 * MIB, 1024 * MIB - 1, 1024 * MIB, 1024 * MIB + 1, 1025 * MIB, 1025 * MIB + 1
]
const PIECE = 64 * 1024 // how the content is handed over; not the chunk size, which is the importer's business

const repeated = Uint8Array.from({ length: 251 + PIECE }, (_, i) => i % 251)
const nowhere = { put: (cid) => cid }

function * content (size) {
  for (let at = 0; at < size; at += PIECE) {
    yield repeated.subarray(at % 251, (at % 251) + Math.min(PIECE, size - at))
  }
}

const files = []
for (const size of SIZES) {
  let root
  for await (const entry of importer([{ content: content(size) }], nowhere, { profile: PROFILE })) {
    root = entry.cid
  }
  files.push({ size, cid: root.toString() })
}

const tool = JSON.parse(readFileSync(new URL('node_modules/ipfs-unixfs-importer/package.json', import.meta.url)))
console.log(JSON.stringify({
  tool: `${tool.name} ${tool.version}`,
  script: 'tests/interop/make_golden_cids.mjs',
  profile: PROFILE,
  content: 'byte i = i mod 251',
  files
}, null, 2))
