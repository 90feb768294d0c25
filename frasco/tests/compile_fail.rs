//! What the compiler says of wrong handlers: each case under `compile-fail/` must not compile, and what is said of it is ours, and
//! helps.
//!
//! The compiler's words are kept beside each case. After a change that alters them, look at the new words, as somebody who wrote that
//! handler would, and write them with `TRYBUILD=overwrite cargo test -p frasco --test compile_fail`.

#[test]
fn no_wrong_handler_compiles_and_each_is_told_why() {
    trybuild::TestCases::new().compile_fail("compile-fail/*.rs");
}
