// The worker: it trains, and says how far it is.
import { training } from './training.js'

training(postMessage).catch((error) => postMessage(`failed: ${error.message}`))
