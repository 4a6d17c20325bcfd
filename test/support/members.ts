/**
 * What an interface of the library has, read from its source: so a new method is tested without an edit of the tests.
 */
import * as fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const ROOT = new URL('../../../', import.meta.url)

export interface Members {
  readonly methods: readonly string[]
  readonly properties: readonly string[]
}

/** @param file from the root, e.g. `src/model/plan.ts` */
export function membersOf(file: string, name: string): Members {
  const found = parsed(file).statements.find((node) => ts.isInterfaceDeclaration(node) && node.name.text === name)
  if (!found) throw new Error(`${file}: no interface ${name}`)
  const methods: string[] = []
  const properties: string[] = []
  for (const member of (found as ts.InterfaceDeclaration).members) {
    const list = ts.isMethodSignature(member) ? methods : properties
    list.push((member.name as ts.Identifier).text)
  }
  return { methods, properties }
}

/** Exported functions of a file whose first parameter is of this type. */
export function functionsOf(file: string, type: string): string[] {
  return parsed(file).statements.flatMap((node) => {
    if (!ts.isFunctionDeclaration(node) || !node.name) return []
    if (!node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return []
    return node.parameters[0]?.type?.getText() === type ? [node.name.text] : []
  })
}

function parsed(file: string): ts.SourceFile {
  const path = fileURLToPath(new URL(file, ROOT))
  return ts.createSourceFile(path, fs.readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true)
}
