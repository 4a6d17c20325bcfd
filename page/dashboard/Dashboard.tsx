import { ThemeButton } from '../shared/ThemeButton.tsx'

export function Dashboard() {
  return (
    <main>
      <h1>irnn runs</h1>
      <ThemeButton />
    </main>
  )
}
