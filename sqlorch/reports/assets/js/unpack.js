// The data of this file: JSON, raw deflate, base64, in a script element that no browser executes.

async function unpack(id) {
  const holder = byId(id);
  const packed = Uint8Array.from(atob(holder.textContent.trim()), (letter) => letter.charCodeAt(0));
  holder.remove(); // frees the text: it is never read twice
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Response(stream).json();
}
