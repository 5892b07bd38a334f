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
 * @property {number} order
 * @property {"vote" | "withdrawal"} kind
 * @property {string} id of the vote
 * @property {Vote} [vote] absent for a withdrawal
 * @property {string} [refusal] why the server will never take it
 */

const NAME = "penumbra";
const STORE = "outbox";

/**
 * @typedef {object} Rows
 * @property {boolean} isDurable
 * @property {(box: string) => Promise<Row[]>} all
 * @property {(row: Row) => Promise<unknown>} put
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
   * @param {(store: IDBObjectStore) => IDBRequest<T>} act
   * @returns {Promise<T>}
   */
  const run = (mode, act) =>
    new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const asked = act(transaction.objectStore(STORE));
      // Without waiting for the request's own event: a tab closed right now must not undo it.
      if (mode === "readwrite") transaction.commit();
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onabort = transaction.onerror = () => reject(transaction.error);
    });
  return {
    isDurable: true,
    all: (box) => run("readonly", (store) => store.index("box").getAll(box)),
    put: (row) => run("readwrite", (store) => store.put(row)),
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
