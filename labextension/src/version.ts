/**
 * The version of the Python package. `scripts/build-version.mjs` writes it.
 */
export const VERSION = '0.1.0.dev0';
