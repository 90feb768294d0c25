//! The lint: watches both sides of the contract at run time.
