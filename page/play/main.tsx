import { render } from 'preact'
import '../shared/theme.css'
import './play.css'
import './controls.css'
import { Play } from './Play.tsx'

render(<Play />, document.getElementById('page')!)
