import { ThemeButton } from '../shared/ThemeButton.tsx'

export function Play() {
  return (
    <main>
      <h1>irnn play</h1>
      <ThemeButton />
    </main>
  )
}
