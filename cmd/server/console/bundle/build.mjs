// Bundles the packages pinned by package-lock.json into ../vendor: `npm ci && node build.mjs DIRECTORY`.
// The result is checked in, so that the server builds without npm. CI builds it again and compares.

import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))
const directory = resolve(process.argv[2] ?? join(here, '../vendor'))
const NOTICE = 'Made by bundle/build.mjs. Licences of what is in it: LICENSES.txt'

const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: ['uppy.js', 'uppy.css'],
  outdir: directory,
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  charset: 'utf8',
  define: { 'process.env.NODE_ENV': '"production"' },
  legalComments: 'none',
  banner: { js: `/*! ${NOTICE} */`, css: `/*! ${NOTICE} */` },
  metafile: true,
})

const packages = new Set()
for (const input of Object.keys(metafile.inputs)) {
  const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1]
  if (name) packages.add(name)
}

const notices = []
for (const name of [...packages].sort()) {
  const home = join(here, 'node_modules', name)
  const { version, license } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8'))
  const file = (await readdir(home)).find((file) => /^licen[cs]e/i.test(file))
  // A package without a licence file names its licence in package.json.
  const text = file ? await readFile(join(home, file), 'utf8') : `Licence: ${license}\n`
  notices.push(`${name} ${version} (${license})\n\n${text.replaceAll('\r\n', '\n').trim()}\n`)
}
await mkdir(directory, { recursive: true })
await writeFile(join(directory, 'LICENSES.txt'), notices.join(`\n${'-'.repeat(80)}\n\n`))
