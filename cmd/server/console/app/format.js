// Formatting of sizes, times and file types.

/** Powers of 1024, with the names that Uppy uses. */
const UNITS = ['bytes', 'KB', 'MB', 'GB', 'TB']

/** Formats a size, which the API returns as a string. */
export function bytes(size) {
  let value = Number(size)
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit += 1
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1
  const name = unit === 0 && value === 1 ? 'byte' : UNITS[unit]
  return `${value.toLocaleString('en', { maximumFractionDigits: digits })} ${name}`
}

/** Formats the remaining time in its two largest units. */
export function timeLeft(seconds) {
  if (seconds <= 0) return 'expired'
  const s = Math.floor(seconds)
  const [days, hours, minutes] = [Math.floor(s / 86400), Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60]
  if (days > 0) return `${days} d ${hours} h left`
  if (hours > 0) return `${hours} h ${minutes} min left`
  if (minutes > 0) return `${minutes} min ${s % 60} s left`
  return `${s} s left`
}

/** Formats a time in the past relative to now. */
export function timeAgo(seconds) {
  const words = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
  if (seconds < 60) return 'just now'
  if (seconds < 3600) return words.format(-Math.floor(seconds / 60), 'minute')
  if (seconds < 86400) return words.format(-Math.floor(seconds / 3600), 'hour')
  return words.format(-Math.floor(seconds / 86400), 'day')
}

/** Formats a time in the user's locale. */
export function moment(time) {
  return new Date(time).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
}

const KINDS = {
  archive: 'zip gz tgz tar bz2 xz zst 7z rar jar iso',
  audio: 'mp3 wav flac ogg oga opus m4a aac',
  image: 'jpg jpeg png gif webp avif bmp ico svg',
  pdf: 'pdf',
  text: 'txt md csv tsv json jsonl xml html htm css js mjs ts rs py go java c h cpp sh toml yaml yml ini log sql',
  video: 'mp4 m4v webm mov mkv ogv',
}

const KIND_OF_EXTENSION = new Map(
  Object.entries(KINDS).flatMap(([kind, extensions]) => extensions.split(' ').map((extension) => [extension, kind])),
)

const KIND_OF_TYPE = [
  [/^image\//, 'image'],
  [/^video\//, 'video'],
  [/^audio\//, 'audio'],
  [/^application\/pdf$/, 'pdf'],
  [/^text\/|[/+](json|xml|yaml|toml|javascript|x-sh|sql)$/, 'text'],
  [/[/-](zip|gzip|x-tar|zstd|x-7z-compressed|x-bzip2?|x-xz)$/, 'archive'],
]

/** Returns the kind of a file, from its media type if that is specific, otherwise from its name. */
export function kindOf(name, contentType = '') {
  const essence = contentType.split(';')[0].trim().toLowerCase()
  const byType = KIND_OF_TYPE.find(([pattern]) => pattern.test(essence))
  if (byType) return byType[1]
  const extension = /\.([^./]+)$/.exec(name)?.[1].toLowerCase()
  return KIND_OF_EXTENSION.get(extension) ?? 'file'
}

/** Splits a name into its last segment and the part before it. */
export function parts(name) {
  const slash = name.lastIndexOf('/') + 1
  return { folder: name.slice(0, slash), file: name.slice(slash) }
}
