/** What the command needs of the server of pages. Packed it is one file, beside the pages (scripts/pack.mjs). */
export { createDashboard, createPageServer, newToken } from './dashboard.ts'
export { loadSite } from './site.ts'
