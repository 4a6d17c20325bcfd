/** The tasks, a line for each. All else that a new one needs is in its folder; tasks.node.ts finds them by name. */
export { adding } from './adding/definition.ts'
export { mnist } from './mnist/definition.node.ts'
export { phones } from './phones/definition.node.ts'
export { words } from './words/definition.node.ts'
