//! Has programs that embed Python find its library where it was linked, and Python's own extensions find the interpreter
//! in the program.

fn main() {
    pyo3_build_config::add_libpython_rpath_link_args();
    // Extensions in C look for the interpreter in the program where Python has no shared library.
    println!("cargo:rustc-link-arg-bins=-Wl,--export-dynamic");
}
