/** Of this program, as people and mail servers are told it; the same as in package.json. */
export const VERSION = "0.1.0";
