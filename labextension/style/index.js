/* Nothing: the styles come with the code that needs them, on first use. */
export {};
