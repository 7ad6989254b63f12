"""What the operating system tells and gives: files, children, accounts and the environment, each with bounds."""
