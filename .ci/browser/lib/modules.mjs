// Packages from npm, installed outside the repository in the directory NODE_MODULES.

import { createRequire } from 'node:module'
import { join } from 'node:path'

/** Returns a required environment variable of the CI step. */
export function needed(name) {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set: run \`bash .ci/run browser\``)
  return value
}

const require = createRequire(join(needed('NODE_MODULES'), 'here.js'))

export const { chromium } = require('playwright-core')

/** Returns the path of a file in a package. */
export function fileOf(name) {
  return require.resolve(name)
}
