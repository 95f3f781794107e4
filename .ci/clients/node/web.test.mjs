// What a web page would use: gRPC-Web by Connect, on stubs that protoc-gen-es made of the contract.

import { createClient } from '@connectrpc/connect'
import { createGrpcWebTransport } from '@connectrpc/connect-web'

import { flow } from './flow.mjs'
import { DraftService } from './stubs/draft/v1/draft_pb.js'

const transport = createGrpcWebTransport({ baseUrl: `http://${process.env.GRPC_ADDRESS}` })
const client = createClient(DraftService, transport)

flow({
  call: (rpc, request) => client[rpc[0].toLowerCase() + rpc.slice(1)](request),
  int64: BigInt,
  failure: (error) => ({
    code: error.code,
    message: error.message,
    details: error.details.map(({ value }) => Buffer.from(value).toString('latin1')).join(),
  }),
})
