"""The operating system: files, children, accounts and the environment, each with limits."""
