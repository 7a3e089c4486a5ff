//! The `finstage` binary: everything is in the library.

fn main() -> std::process::ExitCode {
    finstage::cli::main()
}
