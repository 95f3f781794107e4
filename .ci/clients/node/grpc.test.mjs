// Node's own gRPC client, on the contract as it is read at run time.

import { credentials, loadPackageDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { after } from 'node:test'
import { promisify } from 'node:util'

import { flow } from './flow.mjs'

const definition = loadSync('draft/v1/draft.proto', {
  includeDirs: [process.env.CONTRACT],
  longs: String,
  enums: String,
  defaults: true,
  oneofs: true,
})
const { DraftService } = loadPackageDefinition(definition).draft.v1
const client = new DraftService(process.env.GRPC_ADDRESS, credentials.createInsecure())
after(() => client.close())

flow({
  call: (rpc, request) => promisify(client[rpc].bind(client))(request),
  int64: String,
  failure: (error) => ({
    code: error.code,
    message: error.message,
    details: Buffer.concat(error.metadata.get('grpc-status-details-bin')).toString('latin1'),
  }),
})
