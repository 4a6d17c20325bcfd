/** A network as a file. */
import type { Side } from './side.ts'

/** Hands the model of a network to the browser as a download. */
export async function save(side: Side): Promise<void> {
  const saved = await side.save()
  if (saved === null) return
  const address = URL.createObjectURL(new Blob([saved.model], { type: 'application/octet-stream' }))
  const link = document.createElement('a')
  link.href = address
  link.download = `${side.net.value!.task}-${side.net.value!.cell}-${saved.iteration}.safetensors`
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 1000)
}
