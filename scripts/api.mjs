// Writes the API reference, docs/api/, from the comments in dist/types/, so that what is documented is what the
// package ships. Fails where a public type mentions a name that no entry exports, or a public name has no comment.
// Arguments name the folder of types and the folder to write: the test writes to another one and compares.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Application, ReflectionKind } from 'typedoc'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const [types = join(ROOT, 'dist', 'types'), out = join(ROOT, 'docs', 'api')] = process.argv.slice(2)
const ENTRIES = ['index', 'node', 'speech', 'data', 'serve']

const temporary = mkdtempSync(join(tmpdir(), 'irnn-api-'))
const tsconfig = join(temporary, 'tsconfig.json')
const compilerOptions = { target: 'es2023', lib: ['es2023'], types: [], module: 'nodenext', strict: true }
writeFileSync(tsconfig, JSON.stringify({ compilerOptions, include: [resolve(types)] }))

const app = await Application.bootstrapWithPlugins({
  entryPoints: ENTRIES.map((name) => join(types, `${name}.d.ts`)),
  tsconfig,
  out,
  logLevel: 'Warn',
  validation: { notExported: true, invalidLink: true, notDocumented: true },
  requiredToBeDocumented: ['Variable', 'Function', 'Class', 'Interface', 'TypeAlias'],
  excludeExternals: true,
  disableSources: true,
  readme: 'none',
  groupOrder: ['Functions', 'Variables', 'Classes', 'Interfaces', 'Type Aliases'],
  plugin: ['typedoc-plugin-markdown'],
  outputFileStrategy: 'modules',
  hideBreadcrumbs: true,
  hidePageHeader: true,
  pageTitleTemplates: { index: 'API reference', module: ({ name }) => (name === 'irnn' ? name : `irnn/${name}`) },
  indexFormat: 'table',
  useCodeBlocks: true,
  expandObjects: true,
  parametersFormat: 'table',
  interfacePropertiesFormat: 'table',
  classPropertiesFormat: 'table',
  typeAliasPropertiesFormat: 'table',
  propertyMembersFormat: 'table',
  typeDeclarationFormat: 'table',
  tableColumnSettings: { hideDefaults: true, hideInherited: true, hideModifiers: true, hideOverrides: true },
})
try {
  const project = await app.convert()
  if (project) {
    // What a function takes apart in its head has no name of its own.
    for (const parameter of project.getReflectionsByKind(ReflectionKind.Parameter)) {
      if (parameter.name === '__namedParameters') parameter.name = 'options'
    }
    for (const entry of project.children) if (entry.name === 'index') entry.name = 'irnn'
    app.validate(project)
    await app.generateOutputs(project)
  }
} finally {
  rmSync(temporary, { recursive: true })
}
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exitCode = 1
