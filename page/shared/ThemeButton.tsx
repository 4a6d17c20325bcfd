import { chooseTheme, nextTheme, theme } from './theme.ts'

const NAMES = { auto: 'theme of the machine', light: 'light theme', dark: 'dark theme' } as const

/** Goes through the themes: that of the machine, light, dark. */
export function ThemeButton() {
  return (
    <button type="button" onClick={() => chooseTheme(nextTheme())} title="change the theme">
      {NAMES[theme.value]}
    </button>
  )
}
