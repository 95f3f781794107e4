// Icons in the color of the surrounding text.

const SVG = 'http://www.w3.org/2000/svg'

/** Stroke paths on a 24 by 24 grid. */
const PATHS = {
  archive: ['M4 7h16v13H4z', 'M3 4h18v3H3z', 'M10 11h4'],
  audio: ['M9 18V6l11-2v11', 'M9 18a3 3 0 1 1-6 0 3 3 0 0 1 6 0z', 'M20 15a3 3 0 1 1-6 0 3 3 0 0 1 6 0z'],
  check: ['m5 12.5 4.5 4.5L19 7'],
  close: ['M6 6l12 12', 'M18 6 6 18'],
  download: ['M12 4v11', 'm7 11 5 5 5-5', 'M5 20h14'],
  draft: ['M6 3h8l5 5v13H6z', 'M14 3v5h5', 'M9 13h6', 'M9 17h4'],
  error: ['M12 3 2.5 20h19z', 'M12 10v4', 'M12 17v.01'],
  file: ['M6 3h8l5 5v13H6z', 'M14 3v5h5'],
  folder: ['M3 6h6l2 2h10v11H3z'],
  history: ['M4 12a8 8 0 1 0 2.5-5.8L4 8.5', 'M4 4v4.5h4.5', 'M12 8v4.5l3 2'],
  image: ['M4 5h16v14H4z', 'm4 16 5-5 4 4 2.5-2.5L20 17', 'M15.5 9v.01'],
  inbox: ['M4 13h4.5l1.5 3h4l1.5-3H20', 'M4 13 6.5 5h11L20 13v6H4z'],
  open: ['M13 5h6v6', 'm19 5-9 9', 'M17 14v5H5V7h5'],
  pdf: ['M6 3h8l5 5v13H6z', 'M14 3v5h5', 'M9 17v-4h1.2a1.3 1.3 0 0 1 0 2.6H9', 'M15 13v4'],
  refresh: ['M19 12a7 7 0 1 1-2-4.9L19 9', 'M19 4v5h-5'],
  text: ['M6 3h8l5 5v13H6z', 'M14 3v5h5', 'M9 12h6', 'M9 15h6', 'M9 18h3'],
  trash: ['M5 7h14', 'M10 4h4', 'M7 7l1 13h8l1-13', 'M10.5 11v5', 'M13.5 11v5'],
  usage: ['M5 20v-7', 'M12 20V4', 'M19 20V9'],
  video: ['M4 6h11v12H4z', 'm15 11 5-3.5v9L15 13'],
}

/** Creates an icon, hidden from screen readers, because the text or label beside it has the meaning. */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('class', 'icon')
  svg.setAttribute('aria-hidden', 'true')
  for (const d of PATHS[name]) {
    const path = document.createElementNS(SVG, 'path')
    path.setAttribute('d', d)
    svg.append(path)
  }
  return svg
}
