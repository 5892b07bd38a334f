// @ts-check
/** A face's picture, downloaded and decoded before it is shown. */

/** @typedef {import("./queue.js").Turn} Turn */

const LONGEST_RETRY_MS = 15_000;

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * @param {Turn} turn
 * @param {() => boolean} isWanted still; asked before another try
 * @returns {Promise<HTMLImageElement>} its address is a blob's: revoke it once it is out of use
 */
export async function loadPicture(turn, isWanted) {
  const address = URL.createObjectURL(await download(turn, isWanted));
  const picture = new Image();
  // Painted in the frame that shows it, never one frame after an empty stage.
  picture.decoding = "sync";
  picture.src = address;
  picture.alt = `The face to judge, ${turn.filename}`;
  picture.draggable = false;
  try {
    await picture.decode();
  } catch {
    URL.revokeObjectURL(address);
    throw new Error("its picture is damaged");
  }
  return picture;
}

/**
 * @param {Turn} turn
 * @param {() => boolean} isWanted
 * @returns {Promise<Blob>} tried until the server answers: a lost network spoils no face
 */
async function download(turn, isWanted) {
  for (let wait = 500; ; wait = Math.min(LONGEST_RETRY_MS, wait * 2)) {
    try {
      const answer = await fetch(turn.image, { credentials: "same-origin" });
      if (answer.ok) return await answer.blob();
      if (answer.status < 500) throw new Refusal(`its picture is not there (${answer.status})`);
    } catch (error) {
      if (error instanceof Refusal) throw error;
    }
    await pause(wait);
    if (!isWanted()) throw new Refusal("it is no longer ours");
  }
}

class Refusal extends Error {}
