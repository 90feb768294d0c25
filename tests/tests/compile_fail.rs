//! What the contract's types rule out: each case under `compile-fail/` breaks the clause of SPEC.md that its header names, and must
//! not compile.
//!
//! The compiler's words are kept beside each case, so that a case fails for its own reason and not for a spelling mistake. After a
//! change that alters them, look at the new words and write them with `TRYBUILD=overwrite cargo test --test compile_fail`.

#[test]
fn no_case_of_wrong_use_compiles() {
    trybuild::TestCases::new().compile_fail("compile-fail/*.rs");
}
