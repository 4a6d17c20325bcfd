/** As in package.json, which lies elsewhere where this code has been bundled. */
export const VERSION = '0.1.0'
