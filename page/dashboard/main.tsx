import { render } from 'preact'
import 'uplot/dist/uPlot.min.css'
import '../shared/theme.css'
import './dashboard.css'
import { keepAddress } from './address.ts'
import { keepRowsAt } from './at.ts'
import { Dashboard } from './Dashboard.tsx'
import { keepDetails } from './detail.ts'
import { keepFrames } from './frames.ts'
import { listenToKeys } from './keys.ts'
import { live } from './live.ts'
import { watchReader } from './pace.ts'
import { keepPaper } from './paper.ts'

render(<Dashboard />, document.getElementById('page')!)
keepAddress()
keepFrames()
keepDetails()
keepRowsAt()
keepPaper()
listenToKeys()
watchReader()
void live()
