// What every client does, whatever it speaks: a file through draft to main, one in parts, and what is refused.
// `call(rpc, request)` takes and gives camelCase; `int64` makes what the client takes for a 64-bit integer.

import assert from 'node:assert/strict'
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { test } from 'node:test'

const MIB = 1024 * 1024
const INVALID_ARGUMENT = 3
const NOT_FOUND = 5
const ALREADY_EXISTS = 6

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('base64')
const unique = (name) => `${randomUUID().slice(0, 8)}-${name}`

export function flow({ call, int64, failure }) {
  async function put(url, headers, body) {
    const sent = Object.entries(headers).filter(([name]) => name !== 'content-length')
    const answer = await fetch(url, { method: 'PUT', headers: sent, body })
    assert.equal(answer.status, 200, await answer.text())
    return answer.headers.get('etag')
  }

  async function holds(objectName, bytes) {
    const issued = await call('GetDownloadURL', { objectName })
    const answer = await fetch(issued.downloadUrl)
    assert.equal(answer.status, 200)
    assert.equal(sha256(Buffer.from(await answer.arrayBuffer())), sha256(bytes))
  }

  async function refused(rpc, request, code, reason) {
    const error = await call(rpc, request).then(
      () => assert.fail(`${rpc} was not refused`),
      (error) => failure(error),
    )
    assert.equal(error.code, code, error.message)
    assert.ok(error.details.includes(reason), `${reason} is not among the details`)
  }

  test('a file goes through', async () => {
    const objectName = unique('été 1+1.jpg')
    const bytes = randomBytes(100_000)
    const issued = await call('GetUploadURL', {
      objectName,
      contentType: 'image/jpeg',
      contentLength: int64(bytes.length),
      checksumSha256: sha256(bytes),
      metadata: { author: 'ada' },
    })
    await put(issued.uploadUrl, issued.headers, bytes)

    const seen = await call('InspectDraft', { objectName })
    assert.equal(Number(seen.size), bytes.length)
    assert.equal(seen.contentType, 'image/jpeg')
    assert.deepEqual({ ...seen.metadata }, { author: 'ada' })

    const kept = await call('ConfirmUpload', { objectName, ifMatch: seen.etag })
    assert.equal(kept.finalLocation, `main/${objectName}`)
    assert.equal((await call('ConfirmUpload', { objectName, ifMatch: seen.etag })).replayed, true)
    await holds(objectName, bytes)
  })

  test('a file goes through in parts, resumed by another client', async () => {
    const objectName = unique('film.mp4')
    const bytes = randomBytes(8 * MIB + 1000)
    const begun = await call('CreateMultipartUpload', {
      objectName,
      unique: true,
      contentType: 'video/mp4',
      contentLength: int64(bytes.length),
      partChecksums: true,
    })
    const size = Number(begun.partSize)
    assert.equal(begun.partCount, Math.ceil(bytes.length / size))
    const upload = { objectName, draftId: begun.draftId, uploadId: begun.uploadId }
    const part = (number) => bytes.subarray((number - 1) * size, number * size)

    async function send(...numbers) {
      const parts = numbers.map((partNumber) => ({
        partNumber,
        contentLength: int64(part(partNumber).length),
        checksumSha256: sha256(part(partNumber)),
      }))
      const signed = await call('SignParts', { ...upload, parts })
      for (const { partNumber, uploadUrl, headers } of signed.parts) await put(uploadUrl, headers, part(partNumber))
    }
    await send(2)

    const arrived = await call('ListParts', upload)
    assert.deepEqual(
      arrived.parts.map(({ partNumber, size }) => [partNumber, Number(size)]),
      [[2, 1000]],
    )
    await send(1)
    const draft = await call('CompleteMultipartUpload', upload)
    assert.equal(Number(draft.size), bytes.length)
    const kept = await call('ConfirmUpload', { objectName, draftId: begun.draftId, ifMatch: draft.etag })
    assert.equal(kept.contentType, 'video/mp4')
    await holds(objectName, bytes)
  })

  test('an upload in parts is given up', async () => {
    const objectName = unique('gone.bin')
    const { uploadId } = await call('CreateMultipartUpload', { objectName })
    await call('AbortMultipartUpload', { objectName, uploadId })
    await call('AbortMultipartUpload', { objectName, uploadId })
    await refused('ListParts', { objectName, uploadId }, NOT_FOUND, 'UPLOAD_NOT_FOUND')
  })

  test('refusals say what is wrong', async () => {
    await refused('GetUploadURL', { objectName: '../secret' }, INVALID_ARGUMENT, 'object_name')
    await refused('ConfirmUpload', { objectName: unique('missing') }, NOT_FOUND, 'DRAFT_NOT_FOUND')

    const objectName = unique('twice.txt')
    for (const text of ['first', 'second']) {
      const issued = await call('GetUploadURL', { objectName })
      await put(issued.uploadUrl, issued.headers, Buffer.from(text))
      if (text === 'first') await call('ConfirmUpload', { objectName })
    }
    await refused('ConfirmUpload', { objectName }, ALREADY_EXISTS, 'OBJECT_ALREADY_EXISTS')
    await call('DiscardDraft', { objectName })
    await holds(objectName, Buffer.from('first'))
  })
}
