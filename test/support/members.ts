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

/** Methods of an interface that have a parameter of a type that matches. */
export function methodsTaking(file: string, name: string, type: RegExp): string[] {
  const found = parsed(file).statements.find((node) => ts.isInterfaceDeclaration(node) && node.name.text === name)
  return (found as ts.InterfaceDeclaration).members.flatMap((member) => {
    const taking = ts.isMethodSignature(member) && member.parameters.some((given) => type.test(given.getText()))
    return taking ? [(member.name as ts.Identifier).text] : []
  })
}

/** Names of properties, in all of src/, whose own type matches, not only that of a property within it. */
export function propertiesOf(type: RegExp): string[] {
  const names = new Set<string>()
  /** Whether something within has been found. */
  const visit = (node: ts.Node): boolean => {
    let found = false
    ts.forEachChild(node, (child) => {
      found = visit(child) || found
    })
    if (!ts.isPropertySignature(node) || !node.type) return found
    if (!found && type.test(node.type.getText())) names.add((node.name as ts.Identifier).text)
    return found || type.test(node.type.getText())
  }
  for (const file of sources()) visit(parsed(file))
  return [...names]
}

/** Names of exported interfaces that extend one of these. */
export function interfacesOf(type: RegExp): string[] {
  return sources().flatMap((file) =>
    parsed(file).statements.flatMap((node) =>
      ts.isInterfaceDeclaration(node) && node.heritageClauses?.some((clause) => type.test(clause.getText()))
        ? [node.name.text]
        : [],
    ),
  )
}

/** The files of src/, from the root. */
export function sources(): string[] {
  const names = fs.readdirSync(fileURLToPath(new URL('src', ROOT)), { recursive: true, encoding: 'utf8' })
  return names.filter((name) => name.endsWith('.ts')).map((name) => `src/${name}`)
}

function parsed(file: string): ts.SourceFile {
  const path = fileURLToPath(new URL(file, ROOT))
  return ts.createSourceFile(path, fs.readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true)
}
