// @ts-check
/** Where the outbox keeps its rows: IndexedDB, or this tab's memory where a browser refuses it. */

/**
 * @typedef {object} Vote
 * @property {string} id
 * @property {number} face
 * @property {string} filename for people, when something must be said about it
 * @property {string} choice
 * @property {number} seconds
 * @property {boolean} suggestion_shown
 *
 * @typedef {object} Row
 * @property {string} key
 * @property {string} box whose answers these are: owner and campaign
 * @property {string} [tab] the page that looks after it
 * @property {number} order
 * @property {"vote" | "withdrawal"} kind
 * @property {string} id of the vote
 * @property {Vote} [vote] absent for a withdrawal
 * @property {string} [refusal] why the server will never take it
 * @property {boolean} [isTried] it left at least once, so the server may have it
 */

const NAME = "penumbra";
const STORE = "outbox";
/** Some browsers, their disk full or broken, neither open a database nor refuse to. */
const PATIENCE_MS = 3_000;

/**
 * @typedef {object} Rows
 * @property {boolean} isDurable
 * @property {(box: string) => Promise<Row[]>} all
 * @property {(rows: Row[]) => Promise<unknown>} put all of them or none
 * @property {(key: string) => Promise<unknown>} remove
 */

/** @returns {Promise<Rows>} */
export async function openRows() {
  try {
    return inDatabase(await openDatabase());
  } catch {
    return inMemory();
  }
}

/** @returns {Promise<IDBDatabase>} */
function openDatabase() {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(NAME, 1);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore(STORE, { keyPath: "key" }).createIndex("box", "box");
    };
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
    opening.onblocked = () => reject(new Error("another version of the page holds the database"));
    setTimeout(() => reject(new Error("the database does not open")), PATIENCE_MS);
  });
}

/**
 * @param {IDBDatabase} database
 * @returns {Rows}
 */
function inDatabase(database) {
  // A newer version of the page in another tab must be able to upgrade.
  database.onversionchange = () => database.close();
  /**
   * @template T
   * @param {IDBTransactionMode} mode
   * @param {(store: IDBObjectStore) => IDBRequest<T> | undefined} act
   * @returns {Promise<any>}
   */
  const run = (mode, act) =>
    new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const asked = act(transaction.objectStore(STORE));
      // Without waiting for the request's own event: a tab closed right now must not undo it.
      if (mode === "readwrite") transaction.commit();
      transaction.oncomplete = () => resolve(asked?.result);
      transaction.onabort = transaction.onerror = () => reject(transaction.error);
    });
  return {
    isDurable: true,
    all: (box) => run("readonly", (store) => store.index("box").getAll(box)),
    put: (rows) =>
      run("readwrite", (store) => {
        for (const row of rows) store.put(row);
        return undefined;
      }),
    remove: (key) => run("readwrite", (store) => store.delete(key)),
  };
}

/** @returns {Rows} */
function inMemory() {
  return {
    isDurable: false,
    all: async () => [],
    put: async () => undefined,
    remove: async () => undefined,
  };
}
