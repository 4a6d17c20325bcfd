import { render } from 'preact'
import '../shared/theme.css'
import { Play } from './Play.tsx'

render(<Play />, document.getElementById('page')!)
