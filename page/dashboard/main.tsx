import { render } from 'preact'
import '../shared/theme.css'
import { Dashboard } from './Dashboard.tsx'

render(<Dashboard />, document.getElementById('page')!)
