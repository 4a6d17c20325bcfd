/** Headers of every answer: what a page of ours may do, and that nobody else may have it. */

const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "worker-src 'self' blob:", // threads of WebAssembly begin from a text
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types irnn default', // the default policy is that of workers, and lets threads alone through
]
const DENIED = ['camera', 'microphone', 'geolocation', 'usb', 'serial', 'payment', 'display-capture']

/** Opener, embedder and resource policies isolate the page, so that it may have threads. */
export const SECURITY: Readonly<Record<string, string>> = {
  'content-security-policy': POLICY.join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': DENIED.map((name) => `${name}=()`).join(', '),
}
