"use strict";

// Unpacks a document and draws the graph as it was laid out.
async function unpack(id) {
  const text = document.getElementById(id).textContent;
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return JSON.parse(await new Response(stream).text());
}

const COLUMN = 240;
const ROW = 44;
const COLOURS = {source: "#0e7490", seed: "#a16207", snapshot: "#7e22ce", exposure: "#15803d", model: "#1d4ed8"};

function draw(graph) {
  const canvas = document.getElementById("drawing");
  const ratio = window.devicePixelRatio || 1;
  canvas.width = innerWidth * ratio;
  canvas.height = innerHeight * ratio;
  const pen = canvas.getContext("2d");
  const xs = graph.nodes.map((n) => n.x), ys = graph.nodes.map((n) => n.y);
  const width = (Math.max(0, ...xs) + 1.2) * COLUMN, height = (Math.max(0, ...ys) + 2) * ROW;
  const scale = Math.min(canvas.width / width, canvas.height / height, 1.5 * ratio);
  pen.setTransform(scale, 0, 0, scale, (canvas.width - width * scale) / 2 + 0.6 * COLUMN * scale,
    (canvas.height - height * scale) / 2 + ROW * scale);
  pen.strokeStyle = "#94a3b8";
  pen.lineWidth = Math.max(1.2, 0.7 / scale);
  for (const [from, to, , bends] of graph.edges) {
    const a = graph.nodes[from], b = graph.nodes[to];
    const points = [[a.x + 0.37, a.y], ...bends, [b.x - 0.37, b.y]].map(([x, y]) => [x * COLUMN, y * ROW]);
    pen.beginPath();
    pen.moveTo(...points[0]);
    for (let i = 1; i < points.length; i += 1) {
      const [x0, y0] = points[i - 1], [x1, y1] = points[i];
      if (y0 === y1) pen.lineTo(x1, y1);
      else pen.bezierCurveTo((x0 + x1) / 2, y0, (x0 + x1) / 2, y1, x1, y1);
    }
    pen.stroke();
  }
  pen.font = "13px system-ui, sans-serif";
  pen.textBaseline = "middle";
  for (const node of graph.nodes) {
    const x = (node.x - 0.37) * COLUMN, y = (node.y - 0.34) * ROW;
    pen.fillStyle = "#fff";
    pen.strokeStyle = COLOURS[node.kind] || "#334155";
    pen.beginPath();
    pen.roundRect(x, y, 0.74 * COLUMN, 0.68 * ROW, 6);
    pen.fill();
    pen.stroke();
    pen.fillStyle = "#0f172a";
    if (scale > 0.3) pen.fillText(node.name.slice(0, 26), x + 8, node.y * ROW);
  }
}

window.sqlorch = {version: 1, ready: unpack("graph").then(draw)};
