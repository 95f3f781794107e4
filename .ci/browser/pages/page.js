// Uppy with its Dashboard, as its documentation says, with nothing set but where to upload. The page's query says which
// generation, how requests are signed, and where the server is.

const query = new URL(location.href).searchParams
const [generation, mode, server] = ['generation', 'mode', 'server'].map((name) => query.get(name))
/** What the page adds to the requests that it has signed. */
const added = JSON.parse(query.get('added') ?? '{}')

/** False for a page whose ticket limits the size, which no multipart upload in sign mode can hold. */
const inParts = query.get('parts') !== 'false'

/** S3's smallest part: so that a file of some megabytes is in parts already. */
const MULTIPART_FROM = 5 * 1024 * 1024

const MODES = {
  // Uppy 5.
  endpoint: { endpoint: `${server}/uppy` },
  // Uppy 6.
  companion: { companionEndpoint: `${server}/uppy` },
  sign: { signRequest },
}

/** What the server answers goes to Uppy as it is. */
async function signRequest(request) {
  const response = await fetch(`${server}/uppy/s3/sign`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...request, ...added }),
  })
  if (!response.ok) throw new Error((await response.json()).message)
  return response.json()
}

function start({ Uppy, Dashboard, AwsS3 }) {
  const uppy = new Uppy()
    .use(Dashboard, { inline: true, target: '#uppy' })
    .use(AwsS3, { ...MODES[mode], shouldUseMultipart: ({ size }) => inParts && size > MULTIPART_FROM })
  const done = new Map()
  uppy.on('upload-success', (file, { body, uploadURL }) => {
    done.set(file.name, { key: body.key, uploadURL })
  })
  uppy.on('complete', ({ failed }) => {
    window.result = { done: Object.fromEntries(done), failed: failed.map(({ error }) => error) }
  })
}

const style = { rel: 'stylesheet', href: `${generation}/uppy.css` }
document.head.append(Object.assign(document.createElement('link'), style))
// The releases of the package `uppy` are scripts that make one name, and the console's bundle is a module.
import(`./${generation}/uppy.js`).then((module) => start(window.Uppy ?? module))
