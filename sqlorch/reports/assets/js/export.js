// Pictures to take away.

const Export = (() => {
  const LONGEST = 12_000; // pixels: what browsers still turn into a picture
  const LARGEST = 60e6;

  const fileName = (ending) => `${plain(Stage.picture().graph.project).replace(/[^\p{L}\p{N}_-]+/gu, '-') || 'project'}-lineage.${ending}`;

  /** A canvas of what is in view, or of the whole drawing as large as allowed. */
  function canvasOf(whole) {
    const picture = Stage.picture();
    const { camera } = Stage;
    const view = whole ? wholeView(picture.scene.bounds) : { ...Stage.view(), width: camera.width, height: camera.height, ratio: 2 };
    const canvas = el('canvas', { width: String(Math.round(view.width * view.ratio)), height: String(Math.round(view.height * view.ratio)) });
    const ctx = canvas.getContext('2d');
    ctx.scale(view.ratio, view.ratio);
    ctx.fillStyle = Theme.color('canvas');
    ctx.fillRect(0, 0, view.width, view.height);
    paintScene(ctx, picture, view, { left: 0, top: 0, right: view.width, bottom: view.height });
    return canvas;
  }

  function wholeView({ left, top, right, bottom }) {
    const margin = 32;
    const [width, height] = [right - left + 2 * margin, bottom - top + 2 * margin];
    const ratio = Math.min(2, LONGEST / width, LONGEST / height, Math.sqrt(LARGEST / (width * height)));
    const scale = Math.min(1, ratio);
    const view = { sx: scale, sy: scale, x: (margin - left) * scale, y: (margin - top) * scale };
    return { ...view, width: width * scale, height: height * scale, ratio: ratio / scale };
  }

  const pngBlob = (whole) => new Promise((resolve) => canvasOf(whole).toBlob(resolve, 'image/png'));

  async function png(whole) {
    const blob = await pngBlob(whole);
    if (!blob) return announce('The picture is too large for this browser; the SVG has no limit.');
    download(blob, fileName('png'));
    return announce('PNG exported');
  }

  function svg() {
    download(new Blob([SvgExport.make(Stage.picture())], { type: 'image/svg+xml' }), fileName('svg'));
    announce('SVG exported');
  }

  return { png, svg, pngBlob };
})();
