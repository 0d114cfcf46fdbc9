// An IPFS node to test against: Helia, with a trustless gateway and a part of Kubo's RPC in front of it.
//
//   node helia_node.mjs [--gateway http://127.0.0.1:PORT]
//
// It listens on 127.0.0.1 only, on a free port, and prints "ready URL". It knows nobody: no discovery, no bootstrap, no
// delegated routing. Blocks that it lacks it asks of the given gateway, if any. It ends when its standard input does.
import http from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { car } from '@helia/car'
import { fallbackRouter } from '@helia/fallback-router'
import { trustlessGatewayBlockBroker } from '@helia/trustless-gateway-client'
import { unixfs } from '@helia/unixfs'
import { CarReader } from '@ipld/car'
import { createHeliaLight } from 'helia'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { balanced } from 'ipfs-unixfs-importer/layout'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'

// Helia's graph walker leaves the rejection for a missing block unhandled besides reporting it.
process.on('unhandledRejection', (reason) => console.error(reason))

const SECONDS = 1000
const CODECS = { raw: 0x55, 'dag-pb': 0x70 }
const { values: options } = parseArgs({ options: { gateway: { type: 'string' } } })

const helia = createHeliaLight()
if (options.gateway != null) {
  helia.addBlockBroker(trustlessGatewayBlockBroker({ allowInsecure: true, allowLocal: true }))
  // As the first choice: Helia waits for ever for the others before it turns to a fallback, if there are no others.
  const router = fallbackRouter({ gateways: [options.gateway] })
  helia.addRouter({ name: 'gateway', findProviders: (cid, init) => router.findProviders(cid, init) })
}
await helia.start()
const files = unixfs(helia)
const cars = car(helia)

async function collect (parts) {
  const all = []
  for await (const part of parts) all.push(part)
  return Buffer.concat(all)
}

// A read of a block that nobody has would wait for ever, and with it everything that needs the store's lock.
function patience (request, response) {
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  return AbortSignal.any([gone.signal, AbortSignal.timeout(20 * SECONDS)])
}

// The one file of a multipart body; by hand, since the platform's parser takes seconds for a large one.
async function upload (request) {
  const body = await collect(request)
  const [, boundary] = /boundary="?([^";]+)"?/.exec(request.headers['content-type'])
  return body.subarray(body.indexOf('\r\n\r\n') + 4, body.lastIndexOf(`\r\n--${boundary}`))
}

async function pin (cid, signal) {
  if (await helia.pins.isPinned(cid)) return
  for await (const _ of helia.pins.add(cid, { signal, offline: true })) { /* each pinned block */ }
}

// Kubo's defaults where a parameter is missing, so that a client which relies on defaults gets another CID.
function importParameters (query) {
  return {
    cidVersion: Number(query.get('cid-version') ?? 0),
    rawLeaves: query.get('raw-leaves') === 'true',
    chunker: fixedSize({ chunkSize: Number((query.get('chunker') ?? 'size-262144').replace('size-', '')) }),
    layout: balanced({ maxChildrenPerNode: Number(query.get('max-file-links') ?? 174) }),
    reduceSingleLeafToSelf: true
  }
}

const rpc = {
  version: async () => ({ Version: `helia ${helia.info?.version ?? ''}`.trim(), Commit: '', Repo: '' }),
  add: async (query, { request, signal }) => {
    const data = await upload(request)
    const cid = await files.addByteStream([data], importParameters(query))
    if (query.get('pin') !== 'false') await pin(cid, signal)
    return { Name: 'file', Hash: cid.toString(), Size: String(data.length) }
  },
  'block/put': async (query, { request }) => {
    const data = await upload(request)
    const cid = CID.createV1(CODECS[query.get('cid-codec')], await sha256.digest(data))
    await helia.blockstore.put(cid, data)
    return { Key: cid.toString(), Size: data.length }
  },
  'block/get': (query, { signal }) => helia.blockstore.get(CID.parse(query.get('arg')), { signal }),
  cat: (query, { signal }) => files.cat(CID.parse(query.get('arg')), { signal }),
  'pin/add': async (query, { signal }) => {
    const cid = CID.parse(query.get('arg'))
    await pin(cid, signal)
    return { Pins: [cid.toString()] }
  },
  'dag/import': async (query, { request, signal }) => {
    const reader = await CarReader.fromBytes(await upload(request))
    await cars.import(reader)
    const lines = []
    for (const root of await reader.getRoots()) {
      let problem = ''
      await pin(root, signal).catch((error) => { problem = error.message })
      lines.push({ Root: { Cid: { '/': root.toString() }, PinErrorMsg: problem } })
    }
    return lines
  }
}

async function gateway (url, request, response, signal) {
  const cid = CID.parse(url.pathname.slice('/ipfs/'.length))
  const accept = /vnd\.ipld\.(raw|car)/.exec(request.headers.accept ?? '')
  const form = url.searchParams.get('format') ?? accept?.[1]
  if (!await helia.blockstore.has(cid)) return response.writeHead(404).end('not here\n')
  if (form !== 'raw' && form !== 'car') return response.writeHead(406).end('ask for raw or car\n')
  response.writeHead(200, { 'content-type': `application/vnd.ipld.${form}`, 'x-ipfs-path': url.pathname })
  const parts = form === 'raw'
    ? helia.blockstore.get(cid, { offline: true, signal })
    : cars.export(cid, { offline: true, signal })
  await pipeline(Readable.from(parts), response)
}

async function answer (request, response) {
  const url = new URL(request.url, 'http://node')
  const signal = patience(request, response)
  if (url.pathname.startsWith('/ipfs/')) return gateway(url, request, response, signal)
  const command = rpc[url.pathname.replace('/api/v0/', '')]
  if (command == null) return response.writeHead(404).end('404 page not found\n')
  if (request.method !== 'POST') return response.writeHead(405).end('405 - Method Not Allowed\n')
  const result = await command(url.searchParams, { request, signal })
  if (result[Symbol.asyncIterator] == null) {
    return response.end([result].flat().map((line) => JSON.stringify(line) + '\n').join(''))
  }
  // In memory, so that a failure can still be told by the status.
  response.end(await collect(result))
}

const server = http.createServer((request, response) => {
  answer(request, response).catch((error) => {
    if (response.headersSent) return response.destroy()
    response.writeHead(500, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ Message: String(error.message), Code: 0, Type: 'error' }) + '\n')
  })
})
server.listen(0, '127.0.0.1', () => console.log(`ready http://127.0.0.1:${server.address().port}`))
process.stdin.on('end', () => process.exit(0)).resume()
