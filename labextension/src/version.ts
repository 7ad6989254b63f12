/**
 * The version of the package, as `pyproject.toml` spells it; a test keeps the two equal.
 */
export const VERSION = '0.1.0.dev0';
