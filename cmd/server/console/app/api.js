// The public API of the server that this page came from.

/** How much the server's clock is ahead of this one's, in milliseconds: drafts expire by the server's. */
let ahead = 0

/** An answer that is an error, in the words of the server. */
export class ApiError extends Error {
  constructor({ status, code, detail, errors }) {
    super(detail)
    this.status = status
    this.code = code
    this.errors = errors ?? []
  }
}

/** The time by the server's clock, in milliseconds. */
export function now() {
  return Date.now() + ahead
}

/** The URL of a path of this server, wherever it is mounted. */
export function url(path) {
  return new URL(path, document.baseURI).href
}

/** Calls an rpc by the last segment of its path. */
export async function call(name, message = {}) {
  let response
  try {
    response = await fetch(url(`api/v1/${name}`), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(message),
    })
  } catch {
    throw new ApiError({ status: 0, code: 'UNREACHABLE', detail: 'The server cannot be reached.' })
  }
  const date = Date.parse(response.headers.get('date') ?? '')
  // The header has whole seconds: a smaller difference is none.
  if (Math.abs(date - Date.now()) > 2000) ahead = date - Date.now()
  const body = await response.json().catch(() => ({}))
  if (response.ok) return body
  throw new ApiError({
    status: response.status,
    code: body.code ?? 'UNEXPECTED',
    detail: body.detail ?? `The server answered ${response.status}.`,
    errors: body.errors,
  })
}

/** What the API knows a listed draft by. */
export function nameOf({ object_name, draft_id }) {
  return draft_id ? { object_name, draft_id } : { object_name }
}
