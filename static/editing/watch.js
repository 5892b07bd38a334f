// @ts-check
/** Keep every job on the page fresh. */

import { watchAll } from "../jobs.js";

watchAll();
