// Files for uploads.

import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'

/** A directory of files, deleted after the test. */
export class Files {
  static async make(test) {
    const files = new Files()
    files.directory = await mkdtemp(join(tmpdir(), 'draftstore-files-'))
    test.after(() => rm(files.directory, { recursive: true, force: true }))
    return files
  }

  /** Writes a file and returns its path and SHA-256. */
  async write(name, bytes) {
    const path = join(this.directory, name)
    await writeFile(path, bytes)
    return { name, path, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
  }

  /** Returns pseudorandom bytes, the same in every run. */
  async noise(name, size) {
    const bytes = Buffer.alloc(size)
    let state = 0x9e3779b9
    for (let at = 0; at + 4 <= size; at += 4) {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      bytes.writeInt32LE(state | 0, at)
    }
    return this.write(name, bytes)
  }
}

/** Returns a PNG with the pixels of `colour`, which returns [red, green, blue] for x and y from 0 to 1. */
export function png(width, height, colour) {
  const rows = Buffer.alloc(height * (1 + width * 3))
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const rgb = colour(x / width, y / height).map((value) => Math.max(0, Math.min(255, Math.round(value))))
      rows.set(rgb, y * (1 + width * 3) + 1 + x * 3)
    }
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))])
}

/** Returns a realistic picture: hills under a sky. */
export function landscape(width, height, hue = 0) {
  return png(width, height, (x, y) => {
    const far = 0.55 + 0.08 * Math.sin(x * 7 + hue) + 0.03 * Math.sin(x * 19)
    const near = 0.75 + 0.06 * Math.sin(x * 5 + 2 + hue)
    if (y > near) return [28 + 30 * hue, 66 - 8 * hue, 60 + 20 * hue]
    if (y > far) return [66 + 40 * hue, 110 - 12 * hue, 118 + 16 * hue]
    const sun = Math.hypot(x - 0.7, (y - 0.35) * (height / width)) < 0.06 ? 60 : 0
    return [140 + 110 * y + sun + 20 * hue, 170 + 50 * y + sun / 2, 220 - 40 * y - sun]
  })
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const framed = Buffer.alloc(12 + data.length)
  framed.writeUInt32BE(data.length, 0)
  body.copy(framed, 4)
  framed.writeUInt32BE(crc32(body), 8 + data.length)
  return framed
}

function crc32(bytes) {
  let crc = ~0
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1))
  }
  return ~crc >>> 0
}
