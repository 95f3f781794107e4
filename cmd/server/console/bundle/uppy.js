// What the console uses of Uppy: this is all that the bundle exports.

export { default as Uppy } from '@uppy/core'
export { default as AwsS3 } from '@uppy/aws-s3'
export { default as Dashboard } from '@uppy/dashboard'
export { default as GoldenRetriever } from '@uppy/golden-retriever'
