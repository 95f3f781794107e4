// Uploads: Uppy's Dashboard with the Uppy endpoints of this server.

import { AwsS3, Dashboard, GoldenRetriever, Uppy } from '../vendor/uppy.js'
import { ApiError, url } from './api.js'
import { announce } from './dom.js'
import { showError } from './toasts.js'

const MIB = 1024 * 1024

/** The size in bytes above which files are uploaded in parts, which are kept individually across reloads. */
const MULTIPART_FROM = 12 * MIB

/** The minimum part size in bytes, small enough to send again in seconds. */
const PART_SIZE = 8 * MIB

/** The maximum number of parts in S3. */
const MAX_PARTS = 10_000

/** The limits of the file copies in the browser, which allow uploads to continue after a reload. */
const FILE_STORE_LIMITS = { maxFileSize: 4096 * MIB, maxTotalSize: 16384 * MIB }

/** The time to wait for a previous page to be closed, which during a reload is this page itself. */
const LEAVING_MS = 1000

/** The local storage key of the paused state. It is stored immediately, unlike the state that Uppy stores. */
const PAUSED = 'draftstore-uploads-paused'

/** The local storage key of the IDs of uploaded files. They are stored immediately, unlike the state that Uppy stores. */
const FINISHED = 'draftstore-uploads-finished'

/** The URL of the Uppy endpoints. */
const ENDPOINT = url('uppy')

/** Shows the Dashboard. Calls `uploaded` after each upload. */
export async function startUploads({ uploaded }) {
  explainRefusals()
  const claim = claimUploads()
  const uploads = await withTimeout(claim, 'elsewhere')
  const uppy = new Uppy({ id: 'draftstore', autoProceed: true, onBeforeFileAdded: withSizes })
    .use(Dashboard, {
      target: '#uppy',
      inline: true,
      width: '100%',
      height: '100%',
      note: 'Any kind, any size. Large files go in parts and survive a reload.',
      theme: 'auto',
      proudlyDisplayPoweredByUppy: false,
      showRemoveButtonAfterComplete: true,
      // Errors are shown as notifications.
      disableInformer: true,
      locale: {
        strings: {
          dashboardTitle: 'Files to upload',
          sessionRestored: 'Not finished yet',
          recoveredAllFiles: 'These files are still here. Go on when you are ready.',
          recoveredXFiles: {
            0: 'The browser no longer has one file. Choose it again, and it goes on where it stopped.',
            1: 'The browser no longer has %{smart_count} files. Choose them again, and they go on where they stopped.',
          },
        },
      },
    })
    .use(AwsS3, {
      companionEndpoint: ENDPOINT,
      shouldUseMultipart: ({ size }) => (size ?? 0) > MULTIPART_FROM,
      getChunkSize: partSize,
      // The name is sent with each upload. No other metadata of Uppy belongs to the draft, and the sizes are not stored.
      allowedMetaFields: ['content_length', 'part_size'],
    })
  const keep = () => uppy.use(GoldenRetriever, { indexedDB: FILE_STORE_LIMITS })
  storeFinished(uppy)
  uppy.on('restored', () => removeFinished(uppy))
  if (uploads !== 'unknown') uppy.on('restored', () => resumeUploads(uppy))
  // Uploads of another tab belong to it until it is closed. The previous page during a slow reload counts as one, too.
  if (uploads === 'elsewhere') claim.then(() => uppy.getFiles().length === 0 && keep())
  else keep()
  acceptDrops(uppy)
  storePausedState(uppy)
  uppy.on('upload-success', (file) => {
    announce(`${file.name} is uploaded`)
    uploaded()
  })
  uppy.on('upload-error', (file, error) => showError(`${file.name} was not uploaded`, error))
  uppy.on('restriction-failed', (file, error) => showError(`${file?.name ?? 'The file'} was not added`, error))
  return uppy
}

/** Throws the server's reason for a refused upload. Uppy would show the status alone. */
function explainRefusals() {
  const send = window.fetch.bind(window)
  window.fetch = async (input, init) => {
    const response = await send(input, init)
    if (response.ok || !String(input).startsWith(`${ENDPOINT}/`)) return response
    const { error, message } = await response.clone().json().catch(() => ({}))
    if (!message) return response
    throw new ApiError({ status: response.status, code: error, detail: message })
  }
}

/**
 * Claims the unfinished uploads for this tab. Resolves to 'ours' once no other tab holds them, or to 'unknown' if the
 * browser does not support locks.
 */
function claimUploads() {
  if (!navigator.locks) return Promise.resolve('unknown')
  return new Promise((resolve) => {
    navigator.locks.request('draftstore-uploads', () => {
      resolve('ours')
      // Hold the lock until the page is closed.
      return new Promise(() => {})
    })
  })
}

function withTimeout(promise, fallback) {
  return Promise.race([promise, new Promise((resolve) => setTimeout(resolve, LEAVING_MS, fallback))])
}

const partSize = ({ size }) => Math.max(PART_SIZE, Math.ceil(size / MAX_PARTS))

/** Adds the sizes to the metadata of a file. The server requires them where the size of files is limited. */
function withSizes(file) {
  if (file.size === null || file.size === undefined) return true
  return { ...file, meta: { ...file.meta, content_length: file.size, part_size: partSize(file) } }
}

/** Accepts dropped files anywhere on the page. Without this the browser would navigate to a file. */
function acceptDrops(uppy) {
  document.addEventListener('dragover', (event) => event.preventDefault())
  document.addEventListener('drop', (event) => {
    event.preventDefault()
    if (event.target.closest('#uppy')) return
    const files = [...event.dataTransfer.files].map((data) => ({ source: 'page', name: data.name, type: data.type, data }))
    try {
      uppy.addFiles(files)
    } catch (error) {
      uppy.log(error)
    }
  })
}

function storePausedState(uppy) {
  const keep = () => localStorage.setItem(PAUSED, uppy.getFiles().some(({ isPaused }) => isPaused))
  for (const event of ['pause-all', 'resume-all', 'upload-pause', 'upload', 'cancel-all']) uppy.on(event, keep)
}

const finished = () => JSON.parse(localStorage.getItem(FINISHED) ?? '[]')

function storeFinished(uppy) {
  const store = (ids) => localStorage.setItem(FINISHED, JSON.stringify(ids))
  uppy.on('upload-success', ({ id }) => store([...finished(), id]))
  // A file that is chosen again has the same ID.
  uppy.on('file-added', ({ id }) => store(finished().filter((other) => other !== id)))
}

/** Removes files whose uploads ended right before a reload, so that the state that Uppy had stored does not know it. */
function removeFinished(uppy) {
  for (const id of finished()) if (uppy.getFile(id)) uppy.removeFile(id)
  localStorage.removeItem(FINISHED)
}

/** Continues uploads after a reload, unless they were paused or a file must be chosen again. */
function resumeUploads(uppy) {
  const unfinished = uppy.getFiles().filter(({ progress }) => !progress.uploadComplete)
  if (localStorage.getItem(PAUSED) === 'true') return
  const waits = ({ isGhost, isPaused }) => isGhost || isPaused
  if (unfinished.length > 0 && !unfinished.some(waits)) uppy.emit('restore-confirmed')
}
