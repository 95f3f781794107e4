// What comes from npm. It is installed outside the repository, in the directory that NODE_MODULES names.

import { createRequire } from 'node:module'
import { join } from 'node:path'

/** A variable of the step's; without it nothing can run. */
export function needed(name) {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set: run \`bash .ci/run browser\``)
  return value
}

const require = createRequire(join(needed('NODE_MODULES'), 'here.js'))

export const { chromium } = require('playwright-core')

/** The path of a package's file. */
export function fileOf(name) {
  return require.resolve(name)
}
