// The whole drawing in a corner, with a frame around what is in view. Click or drag moves the view.

const Minimap = (() => {
  const WIDTH = 168;
  const HEIGHT = 104;
  const PAD = 6;
  const canvas = byId('minimap');
  const ctx = canvas.getContext('2d');
  const picture = document.createElement('canvas');
  let drawnFor = null;

  const scales = ({ left, right, top, bottom }) => ({
    kx: (WIDTH - 2 * PAD) / Math.max(1, right - left), ky: (HEIGHT - 2 * PAD) / Math.max(1, bottom - top),
  });

  function setUp() {
    const ratio = Stage.ratio();
    for (const each of [canvas, picture]) {
      each.width = WIDTH * ratio;
      each.height = HEIGHT * ratio;
    }
  }

  /** The dots are drawn once per picture; only the frame moves. */
  function drawDots(current) {
    const { scene } = current;
    const { kx, ky } = scales(scene.bounds);
    const paper = picture.getContext('2d');
    paper.setTransform(Stage.ratio(), 0, 0, Stage.ratio(), 0, 0);
    paper.clearRect(0, 0, WIDTH, HEIGHT);
    for (const { color, tone, list } of dots(current)) {
      paper.fillStyle = color;
      paper.globalAlpha = tone === TONE.dim ? 0.2 : 0.9;
      for (const at of list) {
        const item = scene.items[at];
        const [width, height] = [Math.min(14, Math.max(2.5, item.width * kx * 0.7)), Math.min(4, Math.max(1, item.height * ky * 0.7))];
        paper.fillRect(PAD + (item.x - scene.bounds.left) * kx - width / 2, PAD + (item.y - scene.bounds.top) * ky - height / 2, width, height);
      }
    }
    drawnFor = current;
  }

  function draw(view) {
    const current = Stage.picture();
    canvas.hidden = current.scene.items.length < 12;
    if (canvas.hidden) return;
    if (drawnFor !== current) drawDots(current);
    const { bounds } = current.scene;
    const { kx, ky } = scales(bounds);
    ctx.setTransform(Stage.ratio(), 0, 0, Stage.ratio(), 0, 0);
    ctx.clearRect(0, 0, WIDTH, HEIGHT);
    ctx.drawImage(picture, 0, 0, WIDTH, HEIGHT);
    const left = PAD + (-view.x / view.sx - bounds.left) * kx;
    const top = PAD + (-view.y / view.sy - bounds.top) * ky;
    const box = clipped(left, top, left + (Stage.camera.width / view.sx) * kx, top + (Stage.camera.height / view.sy) * ky);
    ctx.fillStyle = Theme.color('frame');
    ctx.strokeStyle = Theme.color('self');
    Shapes.rounded(ctx, ...box, 3);
    ctx.fill();
    ctx.stroke();
  }

  function clipped(left, top, right, bottom) {
    const inside = (value, most) => Math.min(most - 1.5, Math.max(1.5, value));
    const [x, y] = [inside(left, WIDTH), inside(top, HEIGHT)];
    return [x, y, Math.max(4, inside(right, WIDTH) - x), Math.max(4, inside(bottom, HEIGHT) - y)];
  }

  function moveTo(event) {
    const { bounds } = Stage.picture().scene;
    const { kx, ky } = scales(bounds);
    const box = canvas.getBoundingClientRect();
    Stage.camera.centreOn((event.clientX - box.left - PAD) / kx + bounds.left, (event.clientY - box.top - PAD) / ky + bounds.top);
    Stage.redraw();
  }

  function start() {
    setUp();
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId);
      moveTo(event);
    });
    canvas.addEventListener('pointermove', (event) => event.buttons && moveTo(event));
    Stage.onDraw(draw);
  }

  return { start, forget: () => ((drawnFor = null), setUp()) };
})();
