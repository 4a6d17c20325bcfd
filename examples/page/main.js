// The page: it starts a worker and shows what that says. Training keeps a thread busy, and this one shall not be.
const said = document.querySelector('#said')
const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
worker.onmessage = ({ data }) => {
  said.textContent += `${data}\n`
}
worker.onerror = ({ message }) => {
  said.textContent += `failed: ${message}\n`
}
