// Uploading: Uppy's Dashboard, on the endpoints of this server that speak its language.

import { AwsS3, Dashboard, GoldenRetriever, Uppy } from '../vendor/uppy.js'
import { url } from './api.js'
import { announce } from './dom.js'
import { complain } from './toasts.js'

const MIB = 1024 * 1024

/** Larger files go in parts, which survive a reload one by one. */
const MULTIPART_FROM = 12 * MIB

/** Small enough that a broken connection costs seconds. */
const PART_SIZE = 8 * MIB

/** S3's. */
const MAX_PARTS = 10_000

/** Copies of files that are being uploaded, kept by the browser so that a reload needs nobody to choose them again. */
const KEPT = { maxFileSize: 4096 * MIB, maxTotalSize: 16384 * MIB }

/** How long to wait for a page that is being left, as it is when this one is a reload of it. */
const LEAVING_MS = 1000

/** Where it is kept that somebody has paused: at once, which what Uppy keeps of an upload is not. */
const PAUSED = 'draftstore-uploads-paused'

/** Shows the Dashboard. `uploaded` is called when a file has become a draft. */
export async function startUploads({ uploaded }) {
  const claim = claimUploads()
  const uploads = await soonOr('taken', claim)
  const uppy = new Uppy({ id: 'draftstore', autoProceed: true })
    .use(Dashboard, {
      target: '#uppy',
      inline: true,
      width: '100%',
      height: '100%',
      note: 'Any kind, any size. Large files go in parts and survive a reload.',
      theme: 'auto',
      proudlyDisplayPoweredByUppy: false,
      showRemoveButtonAfterComplete: true,
      // Errors are shown where all others are.
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
      companionEndpoint: url('uppy'),
      shouldUseMultipart: ({ size }) => (size ?? 0) > MULTIPART_FROM,
      getChunkSize: ({ size }) => Math.max(PART_SIZE, Math.ceil(size / MAX_PARTS)),
      // The name goes with each upload anyway; nothing else of what Uppy knows belongs to the draft.
      allowedMetaFields: [],
    })
  const keep = () => uppy.use(GoldenRetriever, { indexedDB: KEPT })
  if (uploads !== 'unknown') uppy.on('restored', () => goOn(uppy))
  // What another tab is uploading is that tab's affair, until it is closed. (A page that takes long to go is one, too.)
  if (uploads === 'taken') claim.then(() => uppy.getFiles().length === 0 && keep())
  else keep()
  takeDrops(uppy)
  keepPauses(uppy)
  uppy.on('upload-success', (file) => {
    announce(`${file.name} is uploaded`)
    uploaded()
  })
  uppy.on('upload-error', (file, error) => complain(`${file.name} was not uploaded`, error))
  uppy.on('restriction-failed', (file, error) => complain(`${file?.name ?? 'The file'} was not added`, error))
  return uppy
}

/**
 * Whether unfinished uploads are for this tab to go on with: 'ours' as soon as no other tab has them, or 'unknown' where the
 * browser does not say.
 */
function claimUploads() {
  if (!navigator.locks) return Promise.resolve('unknown')
  return new Promise((resolve) => {
    navigator.locks.request('draftstore-uploads', () => {
      resolve('ours')
      // As long as this page is there.
      return new Promise(() => {})
    })
  })
}

function soonOr(otherwise, promise) {
  return Promise.race([promise, new Promise((resolve) => setTimeout(resolve, LEAVING_MS, otherwise))])
}

/** Files may be dropped anywhere: beside the Dashboard, the browser would leave the page to show them. */
function takeDrops(uppy) {
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

function keepPauses(uppy) {
  const keep = () => localStorage.setItem(PAUSED, uppy.getFiles().some(({ isPaused }) => isPaused))
  for (const event of ['pause-all', 'resume-all', 'upload-pause', 'upload', 'cancel-all']) uppy.on(event, keep)
}

/** After a reload: goes on by itself, unless somebody had paused, or has to choose a file again. */
function goOn(uppy) {
  const unfinished = uppy.getFiles().filter(({ progress }) => !progress.uploadComplete)
  if (localStorage.getItem(PAUSED) === 'true') return
  const waits = ({ isGhost, isPaused }) => isGhost || isPaused
  if (unfinished.length > 0 && !unfinished.some(waits)) uppy.emit('restore-confirmed')
}
