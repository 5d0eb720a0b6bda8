// Renders the sprite atlas from two npm packages of pictures (both MIT). See ../README.md for the command.
// One PNG holds every concept x style x size; atlas.json says where. Sizes are exactly those that scenes use,
// so that composing a scene never resamples.
import { mkdirSync, readFileSync, writeFileSync, existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'

const [packages, out = import.meta.dirname] = process.argv.slice(2)
if (!packages) throw new Error('usage: node render.mjs FOLDER_WITH_NODE_MODULES [OUT]')
const require = createRequire(join(resolve(packages), 'package.json'))
const sharp = require('sharp')

const sizes = [30, 44]
const concepts = JSON.parse(readFileSync(join(import.meta.dirname, 'concepts.json'), 'utf8'))
const flat = require('@iconify-json/fluent-emoji-flat/icons.json')
const names = require('@iconify-json/fluent-emoji-flat/chars.json')
const glossyFolder = join(resolve(packages), 'node_modules/@lobehub/fluent-emoji-3d/assets')

function flatPicture(code) {
  const icon = flat.icons[names[code] ?? names[`${code}-fe0f`]]
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="256" height="256" viewBox="0 0 32 32">${icon.body}</svg>`
  return sharp(Buffer.from(svg))
}

function glossyPicture(code) {
  const file = [code, `${code}-fe0f`].map((name) => join(glossyFolder, `${name}.webp`)).find(existsSync)
  return sharp(file)
}

// Trimmed first, so that "small" and "large" mean the same for every concept whatever margin its artist left.
async function render(picture, size) {
  const trimmed = await picture.ensureAlpha().trim({ background: { r: 0, g: 0, b: 0, alpha: 0 }, threshold: 8 }).png().toBuffer()
  return sharp(trimmed)
    .resize(size, size, { fit: 'contain', background: { r: 0, g: 0, b: 0, alpha: 0 }, kernel: 'lanczos3' })
    .png()
    .toBuffer()
}

const styles = { flat: flatPicture, glossy: glossyPicture }
const cell = Math.max(...sizes)
const rowHeight = sizes.reduce((sum, size) => sum + size, 0)
const columns = Object.keys(concepts).length
const tiles = []
for (const [styleIndex, style] of Object.keys(styles).entries()) {
  for (const [column, code] of Object.values(concepts).entries()) {
    let top = styleIndex * rowHeight
    for (const size of sizes) {
      tiles.push({ input: await render(styles[style](code), size), left: column * cell, top })
      top += size
    }
  }
}
mkdirSync(out, { recursive: true })
await sharp({
  create: { width: columns * cell, height: rowHeight * Object.keys(styles).length, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
})
  .composite(tiles)
  .png({ compressionLevel: 9, palette: false })
  .toFile(join(out, 'atlas.png'))
const layout = { cell, sizes, rowHeight, styles: Object.keys(styles), concepts: Object.keys(concepts) }
writeFileSync(join(out, 'atlas.json'), `${JSON.stringify(layout, null, 2)}\n`)
