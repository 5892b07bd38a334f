// @ts-check
/** Speak with the REST API: JSON both ways, the page's CSRF token, and errors as sentences. */

const PATIENCE_MS = 20_000;

export class ApiError extends Error {
  /**
   * @param {number} status the HTTP status, 0 when no answer came at all
   * @param {string} code the API's stable word, "offline" when no answer came
   * @param {string} sentence for people
   */
  constructor(status, code, sentence) {
    super(sentence);
    this.status = status;
    this.code = code;
  }

  /** Asking again later may well succeed. */
  get isPassing() {
    if (this.status === 0 || this.status === 408 || this.status === 429) return true;
    // A café's sign-in page says 200 to everything, but not in our words.
    return this.status >= 500 || (this.status < 300 && this.code === "unreadable");
  }

  /** The campaign's quiz comes first. */
  get needsQuiz() {
    return this.status === 403 && this.code === "quiz_needed";
  }

  /** The session ended, or the page belongs to an earlier one. */
  get isSignedOut() {
    return this.status === 401 || (this.status === 403 && !this.needsQuiz);
  }
}

/**
 * The page's own token, not the cookie's: a login as somebody else changes the cookie, and this
 * page must then stop speaking in that person's name.
 */
function csrfToken() {
  const meta = document.querySelector('meta[name="csrf-token"]');
  return meta instanceof HTMLMetaElement ? meta.content : "";
}

/**
 * @param {string} url
 * @param {{body?: unknown, method?: string, keepalive?: boolean, idempotencyKey?: string}} [options]
 *   with a body the method is POST; keepalive lets the request outlive the page
 * @returns {Promise<any>} the parsed answer, null when it has no body
 */
export async function request(url, { body, method, keepalive = false, idempotencyKey } = {}) {
  /** @type {Record<string, string>} */
  const headers = { Accept: "application/json", "X-CSRFToken": csrfToken() };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (idempotencyKey) headers["Idempotency-Key"] = idempotencyKey;
  let answer;
  try {
    answer = await fetch(url, {
      method: method ?? (body === undefined ? "GET" : "POST"),
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      keepalive,
      signal: keepalive ? undefined : AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    throw new ApiError(0, "offline", "The server does not answer.");
  }
  if (answer.status === 204) return null;
  const data = await answer.json().catch(() => null);
  if (answer.ok && data !== null) return data;
  throw new ApiError(
    answer.status,
    String(data?.code ?? "unreadable"),
    String(data?.detail ?? `The server answered with status ${answer.status}.`),
  );
}

/** A random version-4 UUID; crypto.randomUUID is missing on plain http in a classroom's network. */
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
