// Calls to the API of the server that serves this page.

/** The difference between the server's clock, by which drafts expire, and the local clock, in milliseconds. */
let clockOffset = 0

/** An error response of the API. */
export class ApiError extends Error {
  constructor({ status, code, detail, errors }) {
    super(detail)
    this.status = status
    this.code = code
    this.errors = errors ?? []
  }
}

/** Returns the time of the server's clock, in milliseconds. */
export function now() {
  return Date.now() + clockOffset
}

/** Returns the absolute URL of a path of this server, including a path prefix. */
export function url(path) {
  return new URL(path, document.baseURI).href
}

/** True if this page is under the path of a ticket, which can upload, and list what it may upload, and nothing else. */
export const isTicketPage = /\/t\/[^/]+\/$/.test(new URL('.', document.baseURI).pathname)

/** Calls a method of the API by the last segment of its path. */
export async function call(name, message = {}) {
  let response
  try {
    response = await fetch(url(`api/v1/${name}`), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(message),
    })
  } catch {
    throw new ApiError({ status: 0, code: 'UNREACHABLE', detail: 'Cannot reach the server. Check the connection and try again.' })
  }
  const date = Date.parse(response.headers.get('date') ?? '')
  // The header has a precision of seconds, so smaller differences are ignored.
  if (Math.abs(date - Date.now()) > 2000) clockOffset = date - Date.now()
  const body = await response.json().catch(() => ({}))
  if (response.ok) return body
  throw new ApiError({
    status: response.status,
    code: body.code ?? 'UNEXPECTED',
    detail: body.detail ?? `The server responded with ${response.status}.`,
    errors: body.errors,
  })
}

/** Returns the fields that identify a listed draft in the API. */
export function draftRef({ object_name, draft_id }) {
  return draft_id ? { object_name, draft_id } : { object_name }
}
